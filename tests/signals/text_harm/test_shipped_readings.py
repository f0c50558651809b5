"""The readings with the tokenizer that ships: what is undone of each way of writing, and how much harmless text is."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import moderation
from moderation.evaluation.obfuscation import Obfuscation, obfuscate
from moderation.signals.text_harm.readings import Reader, reader_of

TOKENIZER = Path(moderation.__file__).parent / "signals" / "shipped" / "text-harm" / "tokenizer.json"
CHALLENGES = Path(moderation.__file__).parents[1] / "datasets" / "challenges"
WORDS = re.compile(r"[a-z]{3,}")
LEAST_UNDONE = {Obfuscation.LEET: 0.85, Obfuscation.TYPOS: 0.85, Obfuscation.STARRED: 0.85}
LONGEST = 20_000


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
