"""The readings with the tokenizer that ships: what is undone of each way of writing, and how much harmless text is."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

import moderation
from moderation.evaluation.obfuscation import Obfuscation, obfuscate
from moderation.signals.text_harm.readings import Reader, listed_words, reader_of
from moderation.signals.text_harm.signal import TEXT_HARM

TOKENIZER = Path(moderation.__file__).parent / "signals" / "shipped" / "text-harm" / "tokenizer.json"
CHALLENGES = Path(moderation.__file__).parents[1] / "datasets" / "challenges"
WORDS = re.compile(r"[a-z]{3,}")
LEAST_UNDONE = {Obfuscation.LEET: 0.85, Obfuscation.TYPOS: 0.85, Obfuscation.STARRED: 0.85}
LONGEST = 20_000
LONGEST_PROMPT = 10_000
MOST_SECONDS = 3.0
"""Ten times what the slowest of the hostile texts takes."""
LISTED = {"2": "f1660f4ea93ba5002ef75a6e3b20a8b96e54ea3b78c8a52905873fffe6886399"}
"""By spec version, the digest of the listed words that the classifier was trained and measured with."""


def test_other_listed_words_come_with_a_new_version() -> None:
    assert LISTED[TEXT_HARM.version] == sha256("\n".join(listed_words()).encode()).hexdigest()


@pytest.fixture(scope="module")
def reader() -> Reader:
    tokenizers = pytest.importorskip("tokenizers")
    return reader_of(tokenizers.Tokenizer.from_file(str(TOKENIZER)))


def _texts(name: str) -> Iterator[str]:
    for line in (CHALLENGES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)["text"]


@pytest.mark.parametrize("kind", Obfuscation)
def test_the_last_reading_has_the_words_of_the_text_as_it_was(reader: Reader, kind: Obfuscation) -> None:
    missing = words = 0
    for text in _texts("ordinary_captions"):
        clean = Counter(WORDS.findall(reader.readings(text)[0]))
        written = reader.readings(obfuscate(text, kind))
        missing += (clean - Counter(WORDS.findall(written[-1] if written else ""))).total()
        words += clean.total()
    assert missing <= words * (1 - LEAST_UNDONE.get(kind, 0.92))


def test_what_the_tokenizers_file_pads_to_changes_nothing(reader: Reader) -> None:
    plain = pytest.importorskip("tokenizers").Tokenizer.from_file(str(TOKENIZER))
    plain.no_padding()
    plain.no_truncation()
    unpadded = reader_of(plain)
    written = [obfuscate(text, kind) for text in _texts("ordinary_captions") for kind in Obfuscation][::7]
    assert [reader.readings(text) for text in written] == [unpadded.readings(text) for text in written]


@pytest.mark.parametrize("name", ["ordinary_captions", "neutral_identity"])
def test_plain_english_has_one_reading(reader: Reader, name: str) -> None:
    texts = list(_texts(name))
    assert sum(len(reader.readings(text)) > 1 for text in texts) <= len(texts) * 0.1


@pytest.mark.parametrize(
    "unit",
    ["1!|a ", "a*", "ab.cd-ef ", "k\U0001f600", "(a)", "&#107;", "a**bcd ", "aabbcc ", "a b ", "x\n", "%6b", "a1!|"],
)
def test_a_long_text_of_tricks_grows_no_longer(reader: Reader, unit: str) -> None:
    text = (unit * LONGEST)[:LONGEST]
    assert all(len(reading) <= 2 * len(text) for reading in reader.readings(text))


@pytest.mark.parametrize(
    ("signs", "letters", "longest"),
    [
        ("1!|6", "abcdefghijklmnopqrstuvwxyz", 4),
        ("1!|6", "abcdefghijklmnopqrstuvwxyz", 48),
        ("16!", "aaabbbcccdddeeefff", 18),
        (".-*'", "abceo16", 16),
        ("*", "rtnsl", 6),
        ("a", "abcdefghijklmnopqrstuvwxyz", 40),
        (" ", "abcdefghijklmnopqrstuvwxyz16", 2),
    ],
)
def test_the_longest_text_of_tricks_that_nobody_knows_is_read_soon(
    reader: Reader, signs: str, letters: str, longest: int
) -> None:
    random = Random(1)
    drawn = "".join(random.choice(signs) + random.choice(letters) * random.choice((1, 3)) for _ in range(LONGEST))
    text = " ".join(drawn[place : place + longest] for place in range(0, LONGEST_PROMPT, longest))[:LONGEST_PROMPT]
    started = time.process_time()
    assert reader.readings(text)
    assert time.process_time() - started < MOST_SECONDS
