import json
import os
from pathlib import Path

import pytest

from moderation.domain.bank import Opinion
from moderation.domain.errors import InvalidInputError, ModerationError, UnavailableError
from moderation.domain.exchange import MAX_KINDS, ExchangeKind, Item, MalformedExchangeError
from moderation.matching.exchanges import files
from tests.matching.exchanges.opened import a_source, an_exchange, items, pages, pdq

KIND = ExchangeKind.FILES


def found(path: Path) -> list[Item]:
    return [item for page in pages(KIND, str(path)) for item in page.items]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", f"PDQ,quality,opinion,category,note\n{pdq(1)},70,negative_class,gore,x\n{pdq(2).upper()},,,,\n"),
        (
            "a.json",
            json.dumps(
                [{"pdq": pdq(1), "quality": 70, "opinion": "negative_class", "category": "gore"}, {"hash": pdq(2)}]
            ),
        ),
        (
            "a.jsonl",
            json.dumps({"type": "PDQ", "value": pdq(1), "quality": 70, "opinion": "negative_class", "category": "gore"})
            + "\n\n"
            + json.dumps({"signal_type": "pdq", "signal": pdq(2)}),
        ),
    ],
)
def test_rows_of_every_kind_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    one, two = found(tmp_path / name)
    assert (one.pdq, one.quality, one.category, one.opinions[0].opinion) == (pdq(1), 70, "gore", Opinion.NEGATIVE)
    assert (two.pdq, two.quality, two.category, two.opinions[0].opinion) == (pdq(2), 100, "", Opinion.POSITIVE)
    assert pdq(1) not in one.id


def test_text_files_are_read_as_the_fields_own_client_reads_them(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"pdq {pdq(1)}\nvideo_md5 d41d8cd98f00b204e9800998ecf8427e\n{pdq(2)}\n")
    (page,) = pages(KIND, str(tmp_path / "a.txt"))
    assert [item.pdq for item in page.items] == [pdq(1), pdq(2)]
    assert page.skipped.unsupported == {"video_md5": 1}


def test_a_folder_is_its_files_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text(pdq(2))
    (tmp_path / "a.csv").write_text(f"id,pdq\nfirst,{pdq(1)}\n")
    (tmp_path / "readme.md").write_text("not a list")
    assert [item.pdq for item in found(tmp_path)] == [pdq(1), pdq(2)]
    assert found(tmp_path)[0].id == "first"


def test_malformed_rows_are_counted_and_the_others_used(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        f"pdq,quality\n{pdq(1)},50\n{pdq(2)},101\n{pdq(3)},x\nshort,1\n{pdq(4)}\n{pdq(5)},1,more\n,\n"
    )
    (page,) = pages(KIND, str(tmp_path / "a.csv"))
    assert [item.pdq for item in page.items] == [pdq(1)]
    assert page.skipped.malformed == 6
    lines = ["{", "[]", "17", json.dumps({"pdq": 1}), json.dumps({"pdq": pdq(1), "opinion": "bad"}), "x" * 70_000]
    (tmp_path / "b.jsonl").write_text("\n".join([*lines, json.dumps({"pdq": pdq(6)})]))
    (page,) = pages(KIND, str(tmp_path / "b.jsonl"))
    assert ([item.pdq for item in page.items], page.skipped.malformed) == ([pdq(6)], 6)


def test_a_fetch_that_stopped_goes_on_in_the_file_and_an_unchanged_file_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PAGE_ROWS", 2)
    path = tmp_path / "a.txt"
    path.write_text("\n".join(pdq(number) for number in range(5)))
    fetched = pages(KIND, str(path))
    assert [len(page.items) for page in fetched] == [2, 2, 1]
    assert [(page.begins, page.full, page.complete) for page in fetched] == [
        (True, True, False),
        (False, True, False),
        (False, True, True),
    ]
    rest = pages(KIND, str(path), fetched[0].position)
    assert [item.pdq for page in rest for item in page.items] == [pdq(2), pdq(3), pdq(4)]
    again = pages(KIND, str(path), fetched[-1].position)
    assert [(page.items, page.complete, page.full) for page in again] == [((), True, False)]
    path.write_text(pdq(7))
    changed = pages(KIND, str(path), fetched[0].position)
    assert [(page.begins, len(page.items)) for page in changed] == [(True, 1)]


def test_a_file_that_changes_while_it_is_read_is_not_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PAGE_ROWS", 2)
    path = tmp_path / "a.txt"
    path.write_text("\n".join(pdq(number) for number in range(3)))
    fetching = a_source(KIND, str(path)).fetch({})
    next(fetching)
    path.write_text("\n".join(pdq(number) for number in range(4)))
    with pytest.raises(UnavailableError, match="changed"):
        list(fetching)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"pdq\n"),
        ("a.csv", b"name,size\na,1\n"),
        ("a.csv", b"pdq\n\xff\xfe\n"),
        ("a.json", b"{}"),
        ("a.json", b"[" * 100_000),
        ("a.json", b"[]"),
        ("a.jsonl", b""),
        ("a.txt", b"\xff"),
        ("a.bin", b"x"),
        ("missing.csv", None),
    ],
)
def test_files_that_cannot_be_read_are_refused_and_an_empty_one_is_taken_for_a_mistake(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((MalformedExchangeError, UnavailableError, InvalidInputError)) as caught:
        pages(KIND, str(tmp_path / name))
    assert isinstance(caught.value, ModerationError)


def test_a_path_is_absolute_and_options_are_checked() -> None:
    with pytest.raises(InvalidInputError, match="absolute"):
        an_exchange(KIND, "some/where")
    with pytest.raises(InvalidInputError, match="opinion"):
        an_exchange(KIND, "/some/where", options={"opinion": "bad"})
    with pytest.raises(InvalidInputError, match="knows no option"):
        an_exchange(KIND, "/some/where", options={"color": "red"})
    with pytest.raises(InvalidInputError, match="told"):
        an_exchange(KIND, "/some/where", write_back=True)


def test_the_last_row_of_an_identifier_counts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"id,pdq,note\none,{pdq(1)},a\ntwo,{pdq(2)},b\none,{pdq(3)},c\n")
    assert {key: item.note for key, item in items(pages(KIND, str(tmp_path / "a.csv"))).items()} == {
        "one": "c",
        "two": "b",
    }


def test_a_hash_in_the_wrong_column_is_told_nowhere_and_types_are_bounded(tmp_path: Path) -> None:
    lines = [f"{pdq(1)} a comment", *(f"kind{number} {pdq(2)}" for number in range(200))]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    (page,) = pages(KIND, str(tmp_path / "a.txt"))
    assert len(page.skipped.unsupported) <= MAX_KINDS + 1
    assert sum(page.skipped.unsupported.values()) == 201
    assert not any(pdq(1)[:16] in kind for kind in page.skipped.unsupported)


def test_words_hold_nothing_that_a_database_cannot(tmp_path: Path) -> None:
    row = {"pdq": pdq(1), "note": "a\0b\ud800", "category": "x\n", "owner": "o" * 1_000}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    (one,) = found(tmp_path / "a.jsonl")
    assert (one.note, one.category, len(one.opinions[0].owner)) == ("a b", "x", 200)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(InvalidInputError, match="neither"):
        pages(KIND, str(tmp_path / "a.txt"))
