"""The words of a caption by script, without what says nothing of its language: addresses, mentions, hashtags."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from moderation.media.text import fold

_NOT_LANGUAGE = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)[^\s@]+@\S+|[@#][\w.-]+|\[[a-z]+\]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
LETTERS_PER_WORD = 2
"""Of scripts that put no blanks between words."""
_WITHOUT_BLANKS = frozenset({"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"})
LATIN = "LATIN"
IDEOGRAPHS = "CJK"
"""One letter of these is a word."""
OPENING_CHARS = 1_000
WORD_CHARS = 40
MAX_ORNAMENTS = 3
"""Single letters of other scripts that are taken for faces and ornaments, where nothing else is of another script."""


@dataclass(frozen=True, slots=True)
class Words:
    """`latin` words in order, how many words of other scripts there are, and the first characters of the text.

    `opening` has at most `OPENING_CHARS` characters; no word has more than `WORD_CHARS`.
    """

    latin: tuple[str, ...]
    others: int
    opening: str

    @property
    def total(self) -> int:
        """All words."""
        return len(self.latin) + self.others


def words_of(caption: str) -> Words:
    """The caption's words. A word with letters of several scripts counts as the Latin word that it looks like."""
    text = _NOT_LANGUAGE.sub(" ", unicodedata.normalize("NFKC", caption))
    latin: list[str] = []
    others = ornaments = 0
    for word in _WORD.findall("".join(character for character in text if not _is_mark(character))):
        scripts = {_script_of(letter) for letter in word}
        if scripts == {LATIN}:
            latin.append(word[:WORD_CHARS])
        elif LATIN in scripts and (folded := fold(word).text).isascii() and folded:
            latin.append(folded[:WORD_CHARS])
        else:
            others += -(-len(word) // LETTERS_PER_WORD) if scripts & _WITHOUT_BLANKS else 1
            ornaments += len(word) == 1 and scripts != {IDEOGRAPHS}
    if others == ornaments <= MAX_ORNAMENTS:
        others = 0
    return Words(tuple(latin), others, " ".join(text[: 4 * OPENING_CHARS].split())[:OPENING_CHARS])


def _is_mark(character: str) -> bool:
    """Vowel signs and accents that stand by themselves: they are parts of words, and no letters."""
    return not character.isascii() and unicodedata.category(character).startswith("M")


@lru_cache(maxsize=1 << 14)
def _script_of(letter: str) -> str:
    """The first word of the character's name, which is its script; LATIN for apostrophes and hyphens inside words."""
    return unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0] if letter.isalpha() else LATIN
