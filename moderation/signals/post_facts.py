"""`post_facts`: lengths of the texts and what the client tells of the author."""

from collections.abc import Sequence

from moderation.domain.signal import Column, ColumnKind, Score, SignalResult, SignalSpec, Surface
from moderation.media.subject import Subject

POST_FACTS = SignalSpec(
    name="post_facts",
    version="1",
    surface=Surface.POST,
    description="Lengths of caption and prompt, and the author's age and history as the client states them.",
    columns=(
        Column("caption_chars", ColumnKind.INTEGER, "Characters of the caption, without outer white space", low=0),
        Column("prompt_chars", ColumnKind.INTEGER, "Characters of the prompt, without outer white space", low=0),
        Column(
            "author_age_days", ColumnKind.FLOAT, "Days since the account was made; may be unknown", 0.0, nullable=True
        ),
        Column(
            "author_published_posts",
            ColumnKind.INTEGER,
            "The author's posts published so far; may be unknown",
            0,
            nullable=True,
        ),
    ),
    cost_ms=0.01,
    time_limit_s=5.0,
    known_failures=("Age and history are what the client says of the author: nobody checks them.",),
)


class PostFacts:
    """Reads the facts off the post; it needs no picture."""

    @property
    def spec(self) -> SignalSpec:
        """See `POST_FACTS`."""
        return POST_FACTS

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post."""
        return [_score(subject) for subject in batch]


def _score(subject: Subject) -> Score:
    post = subject.post
    return Score(
        POST_FACTS.name,
        {
            "caption_chars": len(post.caption.strip()),
            "prompt_chars": len(post.prompt.strip()),
            "author_age_days": post.author.account_age_days,
            "author_published_posts": post.author.published_posts,
        },
    )
