"""`caption_terms` and `prompt_terms`: listed terms by category, found in normalised text by whole words."""

from collections.abc import Sequence

from moderation.domain.post import Post
from moderation.domain.signal import Column, ColumnKind, Score, SignalResult, SignalSpec, Span, Surface, Value
from moderation.media.subject import Subject
from moderation.signals.terms.document import Category
from moderation.signals.terms.matcher import CO_OCCURRENCE, Hit, Matcher, severities

MAX_SPANS = 50
"""Enough to show a moderator; a prompt of 10,000 characters can hold thousands of terms."""

_KNOWN_FAILURES = (
    "Harm without a listed word: innuendo, implication, pictures described with harmless words.",
    "Quoted, negated and reclaimed words count like any other.",
    "Words that are only harmful in context are severity 1; decide on 2 and more.",
    "English only.",
)


def _spec(surface: Surface) -> SignalSpec:
    return SignalSpec(
        name=f"{surface}_terms",
        version="1",
        surface=surface,
        description=f"Listed terms in the {surface}, the highest severity for each category, with their places.",
        columns=tuple(
            Column(
                f"{surface}_{category}",
                ColumnKind.INTEGER,
                f"{category.replace('_', ' ')}: 0 no listed term, 1 depends on context, 2 clear, 3 severe",
                low=0,
                high=3,
            )
            for category in Category
        ),
        cost_ms=0.2,
        time_limit_s=20.0,
        recommended={"high recall": 1, "balanced": 2, "high precision": 3},
        known_failures=_KNOWN_FAILURES,
    )


CAPTION_TERMS = _spec(Surface.CAPTION)
PROMPT_TERMS = _spec(Surface.PROMPT)


class TextTerms:
    """One surface's term matching; build it with `CAPTION_TERMS` or `PROMPT_TERMS`.

    A word for a child's age is severity 1 of the minors category by itself, and 2 or 3 beside an adult term; for that
    it does not matter which of the post's two texts the age word stands in.
    """

    def __init__(self, spec: SignalSpec, matcher: Matcher) -> None:
        self._spec = spec
        self._matcher = matcher

    @property
    def spec(self) -> SignalSpec:
        """The spec that it was built with."""
        return self._spec

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post; it needs no picture."""
        return [self._score(subject.post) for subject in batch]

    def _score(self, post: Post) -> Score:
        text, other = post.caption, post.prompt
        if self._spec.surface is Surface.PROMPT:
            text, other = other, text
        hits = self._matcher.hits(text)
        found = severities(hits)
        if found[Category.ADULT] and any(hit.term.age for hit in (*hits, *self._matcher.hits(other))):
            found[Category.MINORS] = max(found[Category.MINORS], CO_OCCURRENCE[found[Category.ADULT]])
        values: dict[str, Value] = {f"{self._spec.surface}_{category}": found[category] for category in Category}
        return Score(self._spec.name, values, self._spans(hits))

    def _spans(self, hits: Sequence[Hit]) -> tuple[Span, ...]:
        """Where the terms stand, in the text's order; only the most severe of very many."""
        shown = sorted(hits, key=lambda hit: -hit.term.severity)[:MAX_SPANS]
        return tuple(
            Span(self._spec.surface, hit.start, hit.end, str(hit.term.category), hit.term.phrase)
            for hit in sorted(shown, key=lambda hit: (hit.start, hit.end))
        )
