"""What is written in the pictures: everyday words of the gallery's own captions, watermarks, prices, addresses."""

import re
from functools import cache

import numpy as np

from datasets.gallery import GALLERY

_WORD = re.compile(r"[A-Za-z]{2,12}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = "абвгдежзиклмнопрстуфхцчшщыэюя"
_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
_HAN = "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学"
OTHER_SCRIPTS = (_CYRILLIC, _GREEK, _HAN)
KNOWN_WORDS = 0.7
"""Share of lines made of words; the rest are invented words, numbers and addresses."""


@cache
def words() -> tuple[str, ...]:
    """The different words of the gallery's captions and prompts, in lower case, in order of the alphabet."""
    texts = (text for drawing in GALLERY for text in (drawing.caption, drawing.prompt))
    return tuple(sorted({word.lower() for text in texts for word in _WORD.findall(text)}))


def phrase(rng: np.random.Generator, count: int) -> str:
    """`count` known words of at least three letters, in one of the usual cases."""
    long = [word for word in words() if len(word) >= 3]  # noqa: PLR2004 - shorter ones prove little
    return _cased(rng, " ".join(str(rng.choice(long)) for _ in range(count)))


def writing(rng: np.random.Generator) -> str:
    """One line of anything that people write on pictures, in ASCII."""
    if rng.random() < KNOWN_WORDS:
        return phrase(rng, int(rng.integers(1, 6)))
    made = "".join(rng.choice(list(_LETTERS), size=int(rng.integers(3, 9))))
    number = int(rng.integers(1, 10_000))
    forms = (made, f"@{made}{number}", f"www.{made}.com", f"${number}.99", str(number), f"(c) {number} {made}")
    return _cased(rng, str(rng.choice(forms)))


def foreign(rng: np.random.Generator) -> str:
    """One line of letters that are not Latin; only the font "uni" has them all."""
    script = list(str(rng.choice(OTHER_SCRIPTS)))
    return " ".join("".join(rng.choice(script, size=int(rng.integers(2, 8)))) for _ in range(int(rng.integers(1, 4))))


def _cased(rng: np.random.Generator, text: str) -> str:
    return (text.upper(), text.lower(), text.capitalize(), text.title())[int(rng.integers(4))]
