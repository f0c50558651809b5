"""A post's texts with what signals point at, for highlighting."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from moderation.domain.post import Post
from moderation.domain.signal import Score, Span, Surface
from moderation.domain.verdict import RuleStatus, Screening, Truth
from review_ui.console.measurements import NAME
from review_ui.console.shell import words

IMAGE_TEXT = "text"
"""The detail under which a signal of the image gives the text that it read there."""
PAYLOADS, PROMPT = "payloads", "prompt"
CARRIED = (
    ("picture_codes", PAYLOADS, "A code in the picture says"),
    ("image_container", PROMPT, "Prompt inside the file"),
)
"""Signals, their details and titles: texts that nobody sees who only looks. They are never made into links."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; `why` is "" unless a signal points at it, `fired` whether a rule acted on that."""

    text: str
    why: str = ""
    fired: bool = False


@dataclass(frozen=True, slots=True)
class ShownText:
    """One text of the post; `missing` is what to say where it is empty."""

    surface: Surface
    title: str
    pieces: tuple[Piece, ...]
    missing: str

    @property
    def marked(self) -> int:
        """How many places signals point at."""
        return sum(bool(piece.why) for piece in self.pieces)


def texts_of(post: Post, screening: Screening | None) -> list[ShownText]:
    """Caption and prompt, the text in the picture where a signal read it, and what codes and the file itself say."""
    spans = [span for result in _scores(screening) for span in result.spans]
    read = _fired_columns(screening)
    texts = [
        ShownText(Surface.CAPTION, "Caption", _pieces(post.caption, spans, Surface.CAPTION, read), "No caption"),
        ShownText(Surface.PROMPT, "Prompt", _pieces(post.prompt, spans, Surface.PROMPT, read), "No prompt"),
    ]
    for result in _scores(screening):
        found = result.detail.get(IMAGE_TEXT)
        if isinstance(found, str) and found:
            pieces = _pieces(found, spans, Surface.PICTURE_TEXT, read)
            texts.append(ShownText(Surface.PICTURE_TEXT, "Text in the picture", pieces, ""))
    return [*texts, *_carried(post, screening)]


def _carried(post: Post, screening: Screening | None) -> Iterator[ShownText]:
    """What the picture and its file carry, but for a prompt that is the post's own. Each code stands by itself, so that
    a long one pushes no other out of sight.
    """
    found = {result.signal: result.detail for result in _scores(screening)}
    for signal, name, title in CARRIED:
        text = found.get(signal, {}).get(name)
        if not isinstance(text, str) or (name == PROMPT and text.split() == post.prompt.split()):
            continue
        for part in text.split("\n") if name == PAYLOADS else [text]:
            if part:
                yield ShownText(Surface.IMAGE, title, (Piece(part),), "")


def _scores(screening: Screening | None) -> list[Score]:
    return [] if screening is None else [result for result in screening.results if isinstance(result, Score)]


def _fired_columns(screening: Screening | None) -> frozenset[str]:
    hits = () if screening is None else screening.judgement.hits
    return frozenset(
        column
        for hit in hits
        if hit.status is RuleStatus.LIVE
        for comparison in hit.comparisons
        if comparison.truth is Truth.TRUE
        for column in NAME.findall(comparison.column)
    )


def _pieces(text: str, spans: Iterable[Span], surface: Surface, read: frozenset[str]) -> tuple[Piece, ...]:
    """`text` cut at the spans of `surface`. Where spans overlap, the first one keeps the place."""
    mine = sorted((span for span in spans if span.surface is surface), key=lambda span: (span.start, -span.end))
    pieces: list[Piece] = []
    at = 0
    for span in _apart(mine, len(text)):
        if span.start > at:
            pieces.append(Piece(text[at : span.start]))
        fired = f"{surface}_{span.category}" in read
        pieces.append(Piece(text[span.start : span.end], f"{words(span.category)}: {span.term}", fired))
        at = span.end
    if at < len(text):
        pieces.append(Piece(text[at:]))
    return tuple(pieces)


def _apart(spans: Sequence[Span], length: int) -> Iterable[Span]:
    at = 0
    for span in spans:
        if at <= span.start < span.end <= length:
            yield span
            at = span.end
