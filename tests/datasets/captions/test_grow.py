import json
import re
from collections import Counter, defaultdict

import pytest

from datasets.captions import generate
from datasets.captions.frames import families, slots
from datasets.rows import HARM_LABELS, Row, Split, TextSurface, plain_key, split_of
from moderation.domain.errors import InvalidInputError
from moderation.signals.terms.document import Category, term_lists
from moderation.signals.terms.matcher import Matcher
from tests.conftest import REPOSITORY

SEED = 7
ROWS = 80
FEW = 12
LEAST = 4
FACTOR = 2.0
TRIGGERS = {
    "S": "naked nude nudes bare sex breasts bed clothes explicit erotic",
    "H": "vermin disease inferior hate rats parasites disgusting dirty banks stupid back",
    "H2": "killed shot burn beat attack blood exterminated knife fire brick",
    "V": "kill shoot stab bomb gun knife beat strangle attack poison hostage torture sword axe rope",
    "V2": "blood skull body head bone wound cut knife corpse skin",
    "HR": "idiot ugly stupid worthless fat loser pig disgusting clown pathetic",
    "SH": "suicide cut pills die bridge rope scars jump starve razor bleed end",
    "U": "red ketchup paint bridge bath rose jam wine",
}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return generate(SEED, ROWS)


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def test_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    rows = generate(SEED, FEW)
    assert generate(SEED, FEW) == rows
    other = generate(SEED + 1, FEW)
    assert len({row.text for row in other} & {row.text for row in rows}) < len(rows) / 2


def test_every_family_gives_its_rows_and_no_text_comes_twice(rows: list[Row]) -> None:
    counts = Counter(row.source for row in rows)
    for name, family in families().items():
        assert ROWS * family.weight / 2 < counts[f"captions:{name}"] <= ROWS * family.weight, name
    assert len({plain_key(row.text) for row in rows}) == len(rows)
    assert len({row.id for row in rows}) == len(rows)


def test_texts_are_finished(rows: list[Row]) -> None:
    for row in rows:
        assert row.text.strip() == row.text, row
        assert row.text, row
        assert not re.search(r"[{}\[\]|]|\s\s|\ba [ai]", row.text.replace("((", "").replace("))", "")), row


def test_labels_are_complete_and_consistent(rows: list[Row]) -> None:
    for row in rows:
        assert set(row.labels) <= set(HARM_LABELS)
        assert set(row.labels.values()) <= {0, 1}
        if not any(row.labels.values()):
            assert tuple(sorted(row.labels)) == tuple(sorted(HARM_LABELS)), row
        if row.labels.get("H2") == 1:
            assert row.labels["H"] == row.labels["V"] == 1, row
        if row.labels.get("V2") == 1:
            assert row.labels["V"] == 1, row
        if row.surface is TextSurface.PROMPT and any(row.labels.values()):
            assert row.labels["U"] == 1, row


def test_harmless_rows_are_the_larger_part_on_every_surface(rows: list[Row]) -> None:
    for surface in TextSurface:
        harmful = [any(row.labels.values()) for row in rows if row.surface is surface]
        assert sum(harmful) > ROWS
        assert sum(harmful) <= 0.6 * len(harmful), surface
    assert sum(any(row.labels.values()) for row in rows) <= 0.5 * len(rows)


@pytest.mark.parametrize("letter", HARM_LABELS)
def test_words_of_harm_stand_in_harmless_rows_too(rows: list[Row], letter: str) -> None:
    harmful = Counter(word for row in rows if row.labels.get(letter) == 1 for word in words_of(row.text))
    harmless = Counter(word for row in rows if not any(row.labels.values()) for word in words_of(row.text))
    for word in TRIGGERS[letter].split():
        assert harmful[word] > 0, f"{word!r} is no word of {letter}"
        assert harmless[word] >= LEAST, f"{word!r} stands in {harmless[word]} harmless rows"


def test_each_group_of_people_is_named_in_harmless_rows_as_often_as_in_hateful_ones(rows: list[Row]) -> None:
    forms: dict[str, set[str]] = defaultdict(set)
    for identity in slots().identities:
        for form in (identity.they, identity.people, identity.one, identity.adj):
            forms[form.lower()].add(identity.they)
    mention = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, forms), key=len, reverse=True))})\b")
    named: dict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        if "H" in row.labels:
            for they in {they for form in mention.findall(row.text.lower()) for they in forms[form]}:
                named[they][row.labels["H"]] += 1
    assert len(named) == len(slots().identities) >= 30
    for they, counts in named.items():
        assert counts[1] >= LEAST
        assert counts[0] >= counts[1] / FACTOR, f"{they}: {counts}"
    shares = [counts[1] / counts.total() for they, counts in named.items() if they not in COMMON]
    assert max(shares) < FACTOR * min(shares)


COMMON = {"women", "men", "females", "black people", "white people", "gays"}
"""Words that stand for more than the group: "black tea", "two women"; they are mostly named in harmless rows."""


def test_no_row_names_minors(rows: list[Row]) -> None:
    matcher = Matcher(term_lists())
    for row in rows:
        found = [hit.term for hit in matcher.hits(row.text)]
        assert not [term for term in found if term.category is Category.MINORS or term.age], row


def test_no_frame_stands_in_two_splits_and_each_split_has_every_category(rows: list[Row]) -> None:
    splits: dict[str, set[Split]] = defaultdict(set)
    positives: Counter[tuple[Split, str]] = Counter()
    for row in rows:
        splits[row.group].add(split_of(row))
        positives.update((split_of(row), letter) for letter, value in row.labels.items() if value)
    assert all(len(found) == 1 for found in splits.values())
    assert all(positives[split, letter] > 0 for split in Split for letter in HARM_LABELS)


def test_no_row_is_a_case_of_the_evaluation_sets(rows: list[Row]) -> None:
    cases = set()
    for file in (REPOSITORY / "datasets" / "challenges").glob("*.jsonl"):
        cases |= {plain_key(json.loads(line)["text"]) for line in file.read_text("utf-8").splitlines()}
    assert cases
    assert not [row.text for row in rows if plain_key(row.text) in cases]


def test_no_rows_wanted_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="0 rows"):
        generate(SEED, 0)
