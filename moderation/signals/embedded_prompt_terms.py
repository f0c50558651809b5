"""`embedded_prompt_terms`: listed terms in the prompt that the image's file says it was made from.

What the author tells us and what the generator wrote into the file can differ, and only one of the two is chosen by the
author with us in mind.
"""

from collections.abc import Sequence

from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
    Value,
)
from moderation.media.subject import Subject
from moderation.signals.terms.document import Category
from moderation.signals.terms.matcher import Hit, Matcher, severities
from moderation.signals.text_terms import minors_beside

MAX_NAMED = 10
"""Terms that are named to a moderator."""

EMBEDDED_PROMPT_TERMS = SignalSpec(
    name="embedded_prompt_terms",
    version="2",
    surface=Surface.IMAGE,
    description="Listed terms in the prompt inside the image's file, the highest severity for each category.",
    columns=tuple(
        Column(
            f"embedded_prompt_{category}",
            ColumnKind.INTEGER,
            f"{category.replace('_', ' ')}: 0 no listed term, 1 depends on context, 2 clear, 3 severe; NULL without",
            low=0,
            high=3,
            nullable=True,
        )
        for category in Category
    ),
    cost_ms=0.1,
    time_limit_s=20.0,
    recommended={"high recall": 1, "balanced": 2, "high precision": 3},
    known_failures=(
        "Most services remove what generators write into files: without a prompt there nothing is known.",
        "Anybody can write another prompt into a file.",
        "As for the other term lists: English words, without their context.",
    ),
    languages=("en",),
)


class EmbeddedPromptTerms:
    """Matches the embedded prompt; an age word and an adult term count together when one is in caption or prompt."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher

    @property
    def spec(self) -> SignalSpec:
        """See `EMBEDDED_PROMPT_TERMS`."""
        return EMBEDDED_PROMPT_TERMS

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post, NULLs without an embedded prompt; a file that was not looked at is `undecodable`."""
        return [self._result(subject) for subject in batch]

    def _result(self, subject: Subject) -> SignalResult:
        facts = subject.picture.container
        if facts is None:
            return SignalFailure(EMBEDDED_PROMPT_TERMS.name, FailureReason.UNDECODABLE, "nobody looked")
        if not facts.prompt:
            return Score(EMBEDDED_PROMPT_TERMS.name, {f"embedded_prompt_{category}": None for category in Category})
        hits = self._matcher.hits(facts.prompt)
        found = severities(hits)
        found[Category.MINORS] = max(found[Category.MINORS], minors_beside(self._matcher, hits, subject.post))
        values: dict[str, Value] = {f"embedded_prompt_{category}": found[category] for category in Category}
        return Score(EMBEDDED_PROMPT_TERMS.name, values, detail=_named(hits))


def _named(hits: Sequence[Hit]) -> dict[str, Value]:
    """The most severe terms, for people."""
    terms = dict.fromkeys(hit.term.phrase for hit in sorted(hits, key=lambda hit: -hit.term.severity))
    return {"terms": ", ".join(list(terms)[:MAX_NAMED])} if terms else {}
