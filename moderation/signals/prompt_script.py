"""`prompt_script`: whether the prompt is written in the script that the term lists and the text classifier read.

Prompts are lists of tags, too short and too full of names for a language to be told; which script they are in can be.
"""

from collections.abc import Sequence

from moderation.domain.signal import Column, ColumnKind, Score, SignalResult, SignalSpec, Surface, Value
from moderation.media.subject import Subject
from moderation.signals.caption_words import words_of

MAX_CHARS = 10_000
LEAST_LATIN = 0.75
"""A quarter of words of another script can say what the rest does not."""

PROMPT_SCRIPT = SignalSpec(
    name="prompt_script",
    version="1",
    surface=Surface.PROMPT,
    description="How much of the prompt is in Latin script, which alone the term lists and the text classifier read.",
    columns=(
        Column(
            "prompt_latin_share",
            ColumnKind.FLOAT,
            "Share of the words that are in Latin script; 1 for a prompt without words",
            low=0.0,
            high=1.0,
        ),
        Column(
            "prompt_script_covered",
            ColumnKind.BOOLEAN,
            f"At least {LEAST_LATIN:.0%} of the words are in Latin script",
        ),
    ),
    cost_ms=0.05,
    known_failures=(
        "A prompt in another language of the same script counts as covered.",
        "A word of look-alike letters counts as Latin, as it is read so; addresses and tags are not counted.",
    ),
)


class PromptScript:
    """Implements `SignalType`."""

    @property
    def spec(self) -> SignalSpec:
        """See `PROMPT_SCRIPT`."""
        return PROMPT_SCRIPT

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post; it needs no picture."""
        return [Score(PROMPT_SCRIPT.name, values(subject.post.prompt)) for subject in batch]


def values(prompt: str) -> dict[str, Value]:
    """The columns for one prompt."""
    words = words_of(prompt[:MAX_CHARS])
    share = len(words.latin) / words.total if words.total else 1.0
    return {"prompt_latin_share": share, "prompt_script_covered": share >= LEAST_LATIN}
