"""On what grounds a post is held, as one word: equal words and near pictures are the same case for a person."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from moderation.domain.audit import canonical_json
from moderation.domain.cluster import WITH_WORDS
from moderation.domain.post import Post
from moderation.domain.signal import Score, SignalResult
from moderation.domain.verdict import Comparison, Judgement, RuleHit, RuleStatus, Truth

_READS_TEXT = re.compile(r"\b(caption|prompt|picture_text|picture_code)_", re.IGNORECASE)
_SHOWN = {"picture_text": "text", "picture_codes": "payloads"}
"""The detail, by signal, in which what stands in the picture is written."""


def basis(post: Post, judgement: Judgement, results: Iterable[SignalResult] = ()) -> str:
    """64 hexadecimal characters, after `WITH_WORDS` where the words count; "" for a post like which nothing else is.

    SHA-256 over the queue, the category and the live rules that are true; and over the caption, the prompt and what is
    written in the picture when one of these rules looked at them: then the same words are part of the case. When
    anything could not be measured or decided the grounds are not known, and nobody's decision on another post may
    answer for this one.
    """
    rules = [hit for hit in judgement.hits if hit.status is RuleStatus.LIVE and hit.truth is Truth.TRUE]
    if not judgement.complete or not rules:
        return ""
    words = [_plain(text) for text in (post.caption, post.prompt, *_shown(results))] if _read_text(rules) else []
    named = sorted(hit.rule for hit in rules)
    grounds = canonical_json([judgement.queue, judgement.category, named, words])
    return (WITH_WORDS if words else "") + hashlib.sha256(grounds.encode()).hexdigest()


def _shown(results: Iterable[SignalResult]) -> list[str]:
    """What is written in the picture, as far as signals read it; near pictures can differ in nothing else."""
    found = [result for result in results if isinstance(result, Score) and result.signal in _SHOWN]
    return [str(result.detail.get(_SHOWN[result.signal]) or "") for result in found]


def _read_text(rules: Iterable[RuleHit]) -> bool:
    return any(_looked_at_text(comparison) for rule in rules for comparison in rule.comparisons)


def _looked_at_text(comparison: Comparison) -> bool:
    """Whether a comparison that may have made the rule true reads a column of the text."""
    reads = _READS_TEXT.search(comparison.column) or _READS_TEXT.search(comparison.text)
    return comparison.truth is not Truth.FALSE and reads is not None


def _plain(text: str) -> str:
    """Without differences that no reader sees: NFKC, case, white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
