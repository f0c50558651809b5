"""`job_facts`: what routing conditions read beside the signals: why the post waits, and the scripts of its texts."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from moderation.domain.post import Post
from moderation.domain.signal import Column, ColumnKind, Score, SignalSpec, Surface
from moderation.domain.verdict import Judgement, RuleStatus

READ_CHARS = 2_000
KANA_SHARE = 0.1
"""Japanese mixes kana into Chinese characters; Chinese has none."""

_SCRIPTS = {
    "LATIN": "latin",
    "CYRILLIC": "cyrillic",
    "GREEK": "greek",
    "ARABIC": "arabic",
    "HEBREW": "hebrew",
    "DEVANAGARI": "devanagari",
    "BENGALI": "bengali",
    "TAMIL": "tamil",
    "THAI": "thai",
    "HANGUL": "hangul",
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "CJK": "han",
}
SCRIPTS = ("none", *dict.fromkeys(_SCRIPTS.values()), "other")
"""Every value of `caption_script` and `prompt_script`; `none` is a text without letters."""

JOB_FACTS = SignalSpec(
    name="job_facts",
    version="1",
    surface=Surface.POST,
    description="Why a post waits for a person, and the scripts of its texts.",
    columns=(
        Column("job_queue", ColumnKind.TEXT, "The queue that the policy names"),
        Column("job_category", ColumnKind.TEXT, "The category of the deciding rule, or ''"),
        Column("job_rule", ColumnKind.TEXT, "The first live rule that was true or undecided, or ''"),
        Column("job_complete", ColumnKind.BOOLEAN, "Whether every signal measured and every live rule was decided"),
        Column("caption_script", ColumnKind.TEXT, "The script of most of the caption's letters", choices=SCRIPTS),
        Column("prompt_script", ColumnKind.TEXT, "The script of most of the prompt's letters", choices=SCRIPTS),
    ),
    cost_ms=0.1,
)


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why a post waits: the policy's queue and category, its first live rule that spoke, and if all was decided."""

    queue: str
    category: str
    rule: str
    complete: bool


def grounds_of(judgement: Judgement) -> Grounds:
    """The grounds that a verdict's row keeps."""
    rules = (hit.rule for hit in judgement.hits if hit.status is RuleStatus.LIVE)
    return Grounds(judgement.queue, judgement.category, next(rules, ""), judgement.complete)


def job_facts(post: Post, grounds: Grounds) -> Score:
    """The facts of one post."""
    return Score(
        JOB_FACTS.name,
        {
            "job_queue": grounds.queue,
            "job_category": grounds.category,
            "job_rule": grounds.rule,
            "job_complete": grounds.complete,
            "caption_script": script(post.caption),
            "prompt_script": script(post.prompt),
        },
    )


def script(text: str) -> str:
    """The script of most letters of the first 2,000 characters; a tie goes to the one that came first."""
    text = text[:READ_CHARS]
    if text.isascii():
        return "latin" if any(map(str.isalpha, text)) else "none"
    found = Counter(_letters(unicodedata.normalize("NFKC", text)))
    if not found:
        return "none"
    if found["han"] and found["kana"] >= KANA_SHARE * found.total():
        return "kana"
    return found.most_common(1)[0][0]


def _letters(text: str) -> Iterable[str]:
    for char in text:
        if char.isalpha():
            name = unicodedata.name(char, "")
            yield _SCRIPTS.get(name.partition(" ")[0].partition("-")[0], "other")
