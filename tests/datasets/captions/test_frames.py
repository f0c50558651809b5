import pytest
from pydantic import ValidationError

from datasets.captions.frames import Family, families
from datasets.rows import HARM_LABELS, TextSurface


def family(surface: str, positive: tuple[str, ...] = (), unknown: tuple[str, ...] = ()) -> Family:
    return Family.model_validate({"surface": surface, "positive": positive, "unknown": unknown, "frames": "one\n\ntwo"})


def test_a_harmless_family_knows_every_label() -> None:
    assert family("post").labels == dict.fromkeys(HARM_LABELS, 0)


def test_a_harmful_prompt_is_unsafe_and_of_a_harmful_post_that_is_unknown() -> None:
    assert family("prompt", ("V",)).labels == {**dict.fromkeys(HARM_LABELS, 0), "V": 1, "U": 1}
    assert "U" not in family("post", ("V",)).labels


def test_an_unknown_label_is_absent() -> None:
    assert "HR" not in family("post", ("H",), ("HR",)).labels


def test_frames_are_lines() -> None:
    assert family("caption").lines == ("one", "two")


def test_unknown_letters_are_refused() -> None:
    with pytest.raises(ValidationError):
        family("post", ("X",))


def test_shipped_families_cover_every_category_and_surface() -> None:
    shipped = families().values()
    assert {letter for one in shipped for letter in one.positive} == set(HARM_LABELS)
    assert {one.surface for one in shipped if not one.positive} == set(TextSurface)
    assert sum(len(one.lines) for one in shipped) > 2000
    assert all(not set(one.positive) & set(one.unknown) for one in shipped)
