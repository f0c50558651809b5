"""A text as the classifier reads it: folded, and once more with spelling tricks undone where that gives real words.

The term lists try every reading, because a listed word found is a fact. A classifier would see harm in accidents, so
there is one more reading at most, in which every trick was undone that gives words: escapes, letters written backwards
or apart, words cut in two, and what `decoding` does to a word.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from moderation.media.text import fold, unescaped
from moderation.signals.terms.document import expand, term_lists
from moderation.signals.text_harm.decoding import WORD, Decoder, Pieces, spellings
from moderation.signals.text_harm.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SHORT_LETTERS = 2
"""Words of this length are decoded only beside a longer one that was: "8k" alone stays, "t0 k1ll" is "to kill"."""
LONG_LETTERS = 12
"""Letters from which on an unknown word, spaced out, is taken for several."""
MOST_PARTS = 3
"""Parts that one word is written in, "sui ci de"."""
CLEAR_SEVERITY = 2
"""Listed words from this severity on are known to the reader, though the tokenizer may not have them."""

_HAS_WORD = re.compile(r"[a-z]{3}")
"""What is no word, but a number, a sign or a letter alone, says nothing."""
_LETTER = r"[a-z0-9@$!]"
_GAP = r"(?:[^\w@$!]|_)"
_SPACED = re.compile(rf"(?<![a-z0-9@$!]){_LETTER}(?:{_GAP}{{1,4}}{_LETTER}){{2,}}(?![a-z0-9@$!])")
_GAPS = re.compile(rf"{_GAP}+")
_BLANKS = re.compile(r"\S+")
_ESCAPE = re.compile(r"&#?\w{1,8};|(?:%[0-9a-fA-F]{2}.{0,2}){3}|\\u[0-9a-fA-F]{4}|</?[A-Za-z]{1,6}>")
_CODE_POINT = re.compile(r"\\u([0-9a-fA-F]{4})")
_TAG = re.compile(r"</?[A-Za-z]{1,6}>")
_LONG_WORD = re.compile(r"[a-z]{4,}")
_LAST_PART = re.compile(r"([a-z]+)(\W*)")


class Reader:
    """Makes the readings; `words` are the tokenizer's, the most frequent first, `listed` further ones to know."""

    def __init__(self, words: Sequence[str], pieces: Pieces, listed: Sequence[str] = ()) -> None:
        self._vocabulary = Vocabulary(words, listed)
        self._decoder = Decoder(self._vocabulary, pieces)

    def readings(self, text: str) -> tuple[str, ...]:
        """The folded text, then the undone one if it differs; nothing when neither has a word.

        The classifier learned from sentences: what it says of "69", "!!" or a letter alone is an accident.
        """
        plain = fold(text).text
        shown = fold(_as_shown(text)).text if _ESCAPE.search(text) else plain
        undone = self._rejoined(_SPACED.sub(self._joined, self._turned(shown)))
        decoded = self._decoded(undone)
        if decoded != undone:
            undone = self._rejoined(decoded)
        if not (_HAS_WORD.search(plain) or _HAS_WORD.search(undone)):
            return ()
        return (plain,) if undone == plain else (plain, undone)

    def _turned(self, text: str) -> str:
        """The text from its end, where that has words and the text as it stands has few."""
        words = _LONG_WORD.findall(text)
        ahead = sum(map(self._vocabulary.is_word, words))
        if ahead * 3 > len(words) or not words:
            return text
        back = sum(self._vocabulary.is_usual(word[::-1]) for word in words)
        return text[::-1] if back * 2 >= len(words) and back > ahead * 2 else text

    def _joined(self, run: re.Match[str]) -> str:
        """The words of spaced-out letters: ends of words are where the gap has other blanks than most, or are guessed.

        The run as it stands when that gives few words.
        """
        shown = run.group()
        gaps = ["".join(filter(str.isspace, gap)) for gap in _GAPS.findall(shown)]
        letters = _GAPS.sub("", shown)
        if sum(map(str.isalpha, letters)) * 4 < len(letters):
            return shown
        usual, times = Counter(gaps).most_common(1)[0]
        if times * 2 <= len(gaps) or times == len(gaps):
            words = self._vocabulary.cut(next(spellings(letters)))
            return " ".join(words) if self._known(words) * 2 >= len(letters) else shown
        parts = [letters[0]]
        for gap, letter in zip(gaps, letters[1:], strict=True):
            if gap == usual:
                parts[-1] += letter
            else:
                parts.append(letter)
        words = [word for part in parts for word in self._apart(part)]
        return " ".join(words) if self._known(words) or max(map(len, words)) > len("abc") else shown

    def _apart(self, letters: str) -> Sequence[str]:
        """A word that stood apart, which may be several between two commas."""
        decoded = self._decoder.decoded(letters) if len(letters) > SHORT_LETTERS else letters
        return self._vocabulary.cut(letters) if decoded == letters and len(letters) > LONG_LETTERS else decoded.split()

    def _known(self, words: Sequence[str]) -> int:
        """How many letters stand in words, if one of them has three."""
        found = [word for word in words if self._vocabulary.is_word(word)]
        return sum(map(len, found)) if any(len(word) > SHORT_LETTERS for word in found) else 0

    def _rejoined(self, text: str) -> str:
        """Words that were cut by a blank put together, where a part is no word and the whole is one."""
        chunks = list(_BLANKS.finditer(text))
        found: list[str] = []
        place = after = 0
        while place < len(chunks):
            joined, parts = self._whole(chunks[place : place + MOST_PARTS])
            last = chunks[place + parts - 1]
            found += [text[after : chunks[place].start()], joined]
            after, place = last.end(), place + parts
        return "".join([*found, text[after:]])

    def _whole(self, chunks: Sequence[re.Match[str]]) -> tuple[str, int]:
        """The longest word that the first chunks make together, and how many they are; else the first alone."""
        shown = [chunk.group() for chunk in chunks]
        for count in range(len(shown), 1, -1):
            last = _LAST_PART.fullmatch(shown[count - 1])
            if last is None or not all(head.isalpha() and head.isascii() for head in shown[: count - 1]):
                continue
            parts = [*shown[: count - 1], last[1]]
            if self._was_cut(parts) and not (self._stands_alone(parts[0]) and self._was_cut(shown[1:MOST_PARTS])):
                return "".join(parts) + last[2], count
        return shown[0], 1

    def _was_cut(self, parts: Sequence[str]) -> bool:
        """Whether the parts make a word together that somebody cut: not every one of them is a word by itself."""
        alone = sum(map(self._stands_alone, parts))
        whole = "".join(parts)
        if len(whole) <= len("abc"):
            return len(parts) > 1 and alone < len(parts) and self._vocabulary.is_frequent(whole)
        if alone == 0:
            return whole in self._vocabulary
        return alone < len(parts) and self._vocabulary.is_usual(whole)

    def _stands_alone(self, word: str) -> bool:
        return self._vocabulary.is_usual(word) or (len(word) > len("abc") and self._vocabulary.is_word(word))

    def _decoded(self, text: str) -> str:
        words = set(WORD.findall(text))
        long = {word: self._decoder.decoded(word) for word in words if len(word) > SHORT_LETTERS}
        if all(word == decoded for word, decoded in long.items()):
            return text
        tricked = any(word != decoded and not word.isalpha() for word, decoded in long.items())
        short = self._decoder.short if tricked else str
        return WORD.sub(lambda word: long.get(word.group()) or short(word.group()), text)


def reader_of(tokenizer: "Tokenizer") -> Reader:
    """The reader for a word-piece tokenizer whose vocabulary stands in the order of frequency, as BERT's does.

    What the tokenizer pads to or cuts off changes nothing.
    """
    vocabulary = tokenizer.get_vocab()
    words = sorted(vocabulary, key=lambda word: vocabulary[word])
    model = tokenizer.model

    def pieces(word: str) -> int:
        if word.isascii() and word.isalpha():  # the tokenizer leaves it as it is, and asking the model takes half
            return len(model.tokenize(word))
        return sum(tokenizer.encode(word, add_special_tokens=False).attention_mask)

    return Reader(words, pieces, listed_words())


def listed_words() -> list[str]:
    """The single words of the term lists that say something without their context, in alphabetical order.

    They change what the classifier reads, so that other words come with a new version of `text_harm`.
    """
    terms = [
        term
        for listed in term_lists()
        for group in listed.groups
        if group.severity >= CLEAR_SEVERITY
        for term in group.terms
        if " " not in term and "{" not in term
    ]
    return sorted({word for term in terms for word in expand(term) if word.isalpha() and word.isascii()})


def _as_shown(text: str) -> str:
    """The text with HTML's and URLs' escapes read and tags taken out, as a page would show it."""
    shown = _CODE_POINT.sub(lambda point: chr(int(point[1], 16)), unescaped(_TAG.sub("", text)))
    return unquote(shown, errors="ignore") if "%" in shown else shown
