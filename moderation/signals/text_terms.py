"""`caption_terms`, `prompt_terms` and `picture_text_terms`: listed terms by category, found by whole words."""

from collections.abc import Mapping, Sequence

from moderation.domain.post import Post
from moderation.domain.signal import Column, ColumnKind, Score, SignalResult, SignalSpec, Span, Surface, Value
from moderation.media.subject import Subject
from moderation.signals.contract import picture_text
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


def _spec(surface: Surface, known_failures: tuple[str, ...] = (), needs: tuple[str, ...] = ()) -> SignalSpec:
    words = str(surface).replace("_", " ")
    return SignalSpec(
        name=f"{surface}_terms",
        version="1",
        surface=surface,
        description=f"Listed terms in the {words}, the highest severity for each category, with their places.",
        columns=tuple(
            Column(
                f"{surface}_{category}",
                ColumnKind.INTEGER,
                f"{category.replace('_', ' ')}: 0 no listed term, 1 depends on context, 2 clear, 3 severe",
                low=0,
                high=3,
                nullable=bool(needs),
            )
            for category in Category
        ),
        cost_ms=0.2,
        time_limit_s=20.0,
        recommended={"high recall": 1, "balanced": 2, "high precision": 3},
        known_failures=(*_KNOWN_FAILURES, *known_failures),
        needs=needs,
        languages=("en",),
    )


CAPTION_TERMS = _spec(Surface.CAPTION)
PROMPT_TERMS = _spec(Surface.PROMPT)
PICTURE_TEXT_TERMS = _spec(
    Surface.PICTURE_TEXT,
    known_failures=(
        "A picture whose text was not read has no severities (NULL), whatever is written in it.",
        "A word that the reader misspells or splits over two lines can miss the lists.",
    ),
    needs=("picture_text",),
)


class TextTerms:
    """One surface's term matching; build it with `CAPTION_TERMS`, `PROMPT_TERMS` or `PICTURE_TEXT_TERMS`.

    A word for a child's age is severity 1 of the minors category by itself, and 2 or 3 beside an adult term; for that
    it does not matter in which of the post's texts either stands. Caption and prompt are matched side by side with the
    reader of the picture's text, so what stands in the picture counts for `picture_text_minors`, in both directions.
    """

    def __init__(self, spec: SignalSpec, matcher: Matcher) -> None:
        self._spec = spec
        self._matcher = matcher

    @property
    def spec(self) -> SignalSpec:
        """The spec that it was built with."""
        return self._spec

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post; it needs no picture. NULLs for a picture whose text was not read."""
        return [self._score(subject) for subject in batch]

    def _score(self, subject: Subject) -> Score:
        text = self._text(subject)
        if text is None:
            return Score(self._spec.name, {f"{self._spec.surface}_{category}": None for category in Category})
        hits = self._matcher.hits(text)
        found = severities(hits)
        found[Category.MINORS] = max(found[Category.MINORS], self._minors(subject, hits, found))
        values: dict[str, Value] = {f"{self._spec.surface}_{category}": found[category] for category in Category}
        return Score(self._spec.name, values, self._spans(hits))

    def _text(self, subject: Subject) -> str | None:
        """The surface's text; None when the picture was not read."""
        match self._spec.surface:
            case Surface.PICTURE_TEXT:
                return picture_text(subject.earlier)
            case Surface.PROMPT:
                return subject.post.prompt
            case _:
                return subject.post.caption

    def _minors(self, subject: Subject, hits: Sequence[Hit], found: Mapping[Category, int]) -> int:
        """The severity of an age word beside an adult term, of which one stands in another text of the post."""
        post = subject.post
        if self._spec.surface is Surface.PICTURE_TEXT:
            return minors_beside(self._matcher, hits, post)
        others = self._matcher.hits(post.caption if self._spec.surface is Surface.PROMPT else post.prompt)
        adult = found[Category.ADULT]
        return CO_OCCURRENCE[adult] if adult and (_ages(hits) or _ages(others)) else 0

    def _spans(self, hits: Sequence[Hit]) -> tuple[Span, ...]:
        """Where the terms stand, in the text's order; only the most severe of very many."""
        shown = sorted(hits, key=lambda hit: -hit.term.severity)[:MAX_SPANS]
        return tuple(
            Span(self._spec.surface, hit.start, hit.end, str(hit.term.category), hit.term.phrase)
            for hit in sorted(shown, key=lambda hit: (hit.start, hit.end))
        )


def minors_beside(matcher: Matcher, hits: Sequence[Hit], post: Post) -> int:
    """The severity of an age word beside an adult term, of which one is in `hits`, the other there or in the post."""
    if not hits:
        return 0
    others = [hit for text in (post.caption, post.prompt) for hit in matcher.hits(text)]
    adults = severities([*hits, *others] if _ages(hits) else hits)[Category.ADULT]
    return CO_OCCURRENCE[adults] if adults and (_ages(hits) or _ages(others)) else 0


def _ages(hits: Sequence[Hit]) -> bool:
    return any(hit.term.age for hit in hits)
