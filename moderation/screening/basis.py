"""On what grounds a post is held, as one word: equal words and near pictures are the same case for a person."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from moderation.domain.audit import canonical_json
from moderation.domain.cluster import WITH_WORDS
from moderation.domain.post import Post
from moderation.domain.signal import Score, SignalResult
from moderation.domain.verdict import Judgement, RuleHit, RuleStatus, Truth

_READS_TEXT = re.compile(r"\b(caption|prompt|picture_text|picture_code|embedded_prompt)_", re.IGNORECASE)
_UNSEEN = re.compile(
    r"\b(picture_text_(status|lines_unread)|picture_code_unread|"
    r"image_(frames|embedded_file|trailing_bytes|container_complete))\b",
    re.IGNORECASE,
)
"""Columns that tell of something in a file at which no signal looked: near pictures can differ in it."""
_SHOWN = {"picture_text": "text", "picture_codes": "payloads", "image_container": "prompt"}
"""The detail, by signal, in which what stands in the picture or its file is written."""


def basis(post: Post, judgement: Judgement, results: Iterable[SignalResult] = ()) -> str:
    """64 hexadecimal characters, after `WITH_WORDS` where the words count; "" for a post like which nothing else is.

    SHA-256 over the queue, the category and the live rules that are true; and over the caption, the prompt and what is
    written in the picture or its file when one of these rules looked at them: then the same words are part of the case.
    When anything could not be measured or decided, or a rule is true for something in the file that was not looked at,
    the grounds are not known, and nobody's decision on another post may answer for this one.
    """
    rules = [hit for hit in judgement.hits if hit.status is RuleStatus.LIVE and hit.truth is Truth.TRUE]
    if not judgement.complete or not rules or _looked_at(_UNSEEN, rules):
        return ""
    texts = (post.caption, post.prompt, *_shown(results)) if _looked_at(_READS_TEXT, rules) else ()
    words = [_plain(text) for text in texts]
    named = sorted(hit.rule for hit in rules)
    grounds = canonical_json([judgement.queue, judgement.category, named, words])
    return (WITH_WORDS if words else "") + hashlib.sha256(grounds.encode()).hexdigest()


def _shown(results: Iterable[SignalResult]) -> list[str]:
    """What is written in the picture and its file, as far as signals read it; near pictures can differ in just that."""
    found = [result for result in results if isinstance(result, Score) and result.signal in _SHOWN]
    return [str(result.detail.get(_SHOWN[result.signal]) or "") for result in found]


def _looked_at(columns: re.Pattern[str], rules: Iterable[RuleHit]) -> bool:
    """Whether a comparison that may have made one of the rules true reads such a column."""
    comparisons = (one for rule in rules for one in rule.comparisons if one.truth is not Truth.FALSE)
    return any(columns.search(one.column) or columns.search(one.text) for one in comparisons)


def _plain(text: str) -> str:
    """Without differences that no reader sees: NFKC, case, white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
