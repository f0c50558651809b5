"""`caption_language`: in which language the caption is, and whether the English lists and classifiers cover it."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from moderation.domain.signal import Column, ColumnKind, Score, SignalResult, SignalSpec, Surface, Value
from moderation.media.subject import Subject
from moderation.signals.caption_words import words_of

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENGLISH = "en"
UNDETERMINED = "und"
CONFIDENT = 0.5
CONFIDENT_SHORT = 0.8
"""The same for stretches of fewer than `FEW_WORDS` words, which are mostly names."""
UNLIKELY = (0.0, 0.0, 0.001, 0.005, 0.01)
"""A stretch of so many words, or more than the last place says, is of another language where the belief that it is
English is less, whichever language it may be: relatives share the belief (Croatian, Bosnian and Serbian), and romanised
texts are of no language that the classifier knows.
"""
SURE = 0.9
MANY_WORDS = 24
"""A text of at most so many words that is English at `SURE` is not looked at in stretches."""
FEW_WORDS = 3
STRETCH_WORDS = 8
MAX_STRETCHES = 640
"""As many as 10,000 characters have; each takes a twentieth of a millisecond. Were only some looked at, English could
be put there.
"""
MAX_CHARS = 10_000
NOT_ASKED = frozenset({"la", "pcm", "zxx"})
"""Latin (species and mottoes), Nigerian Pidgin (whose words are mostly English) and "no language" are no answers."""
_NAMED = (
    "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa fi fo fr "
    "fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka kab kik kk km kn ko "
    "ku ky lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om or pa pl ps pt qu ro ru rw sa "
    "sdh se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh zu"
)
NAMED = tuple(_NAMED.split())
"""The languages that it can name, as the classifier calls them."""
_TELLING = re.compile(
    r"the|and|with|this|that|from|you|your|what|have|not|are|was|his|her|they|who|just|when|there|would|she|he|it's|i'm"
    r"|don't|can't|isn't|into|over|under|about|very|really|some|all|my|by|for",
    re.IGNORECASE,
)
"""Frequent English words that are no words of other languages, or rare ones."""
TELLING_SHARE = 0.25

CAPTION_LANGUAGE = SignalSpec(
    name="caption_language",
    version="2",
    surface=Surface.CAPTION,
    description="The caption's language, and whether it is one that the term lists and the text classifier know.",
    columns=(
        Column("caption_language", ColumnKind.TEXT, "ISO 639 code, 'und' where it cannot be told"),
        Column(
            "caption_language_confidence",
            ColumnKind.FLOAT,
            "The classifier's normalised belief in its best guess; a ranking, not a probability",
            low=0.0,
            high=1.0,
            recommended={"high recall": 0.5, "high precision": 0.9},
        ),
        Column(
            "caption_language_covered",
            ColumnKind.BOOLEAN,
            "False when at least half of the words are of another script or in stretches that are not English",
        ),
    ),
    cost_ms=0.3,
    time_limit_s=10.0,
    known_failures=(
        "Captions of two words in another language: 4 of 10 pass as names. Of 237 longer ones in 40 languages 1 did.",
        "Romanised Hindi, Russian, Arabic or Chinese: a quarter of short sentences count as English.",
        "Up to half of the words may be of another language.",
        "Not covered although English: 1 in 1,000, mostly foreign names and loan words (café in Paris).",
        "Nigerian Pidgin, other English-based creoles and Latin are not told from English.",
        "Close relatives are mixed up (Indonesian and Malay, Bosnian and Croatian); neither is covered.",
    ),
    languages=NAMED,
)


class CaptionLanguage:
    """py3langid's bundled model over the caption's words; bounded for texts of any length."""

    def __init__(self, identifier: "LanguageIdentifier") -> None:
        self._identifier = identifier

    @classmethod
    def load(cls) -> "CaptionLanguage":
        """Load the model that the package carries: a second, 90 MB."""
        from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - the command line never needs it

        identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        identifier.set_languages([label for label in identifier.labels if label not in NOT_ASKED])
        return cls(identifier)

    @property
    def spec(self) -> SignalSpec:
        """See `CAPTION_LANGUAGE`."""
        return CAPTION_LANGUAGE

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post; it needs no picture."""
        return [Score(CAPTION_LANGUAGE.name, self.values(subject.post.caption)) for subject in batch]

    def values(self, caption: str) -> dict[str, Value]:
        """The columns for one caption."""
        words = words_of(caption[:MAX_CHARS])
        language, confidence = self._identified(words.opening) if words.total else (UNDETERMINED, 0.0)
        surely_english = language == ENGLISH and confidence >= SURE and words.total <= MANY_WORDS
        foreign = 0.0 if surely_english else self._foreign_share(words.latin) * len(words.latin)
        return {
            "caption_language": language if confidence >= CONFIDENT else UNDETERMINED,
            "caption_language_confidence": confidence,
            "caption_language_covered": words.total == 0 or 2 * (foreign + words.others) < words.total,
        }

    def _foreign_share(self, words: Sequence[str]) -> float:
        """The share, 0 to 1, of Latin words that stand in stretches of another language."""
        stretches = _stretches(words)
        foreign = sum(len(stretch) for stretch in stretches if self._is_foreign(stretch))
        return foreign / max(1, sum(map(len, stretches)))

    def _is_foreign(self, stretch: Sequence[str]) -> bool:
        telling = sum(_TELLING.fullmatch(word) is not None for word in stretch)
        if telling >= TELLING_SHARE * len(stretch):
            return False
        ranked = self._identifier.rank(" ".join(stretch))
        language, confidence = ranked[0]
        if language != ENGLISH and confidence >= (CONFIDENT if len(stretch) >= FEW_WORDS else CONFIDENT_SHORT):
            return True
        english = next(belief for label, belief in ranked if label == ENGLISH)
        return bool(english < UNLIKELY[min(len(stretch), len(UNLIKELY) - 1)])

    def _identified(self, text: str) -> tuple[str, float]:
        language, confidence = self._identifier.classify(text)
        return str(language), min(1.0, max(0.0, float(confidence)))


def _stretches(words: Sequence[str]) -> list[Sequence[str]]:
    """`words` in stretches of `STRETCH_WORDS`, the last one longer rather than short; at most `MAX_STRETCHES`."""
    starts = list(range(0, max(1, len(words) - STRETCH_WORDS // 2), STRETCH_WORDS))
    stretches = [words[start:end] for start, end in zip(starts, [*starts[1:], len(words)], strict=True)]
    return stretches[:: -(-len(stretches) // MAX_STRETCHES)] if words else []
