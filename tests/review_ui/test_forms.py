import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInputError
from review_ui.forms import MAX_PARTS, parse_form

TYPE = "multipart/form-data; boundary=bound"


def part(name: str, value: bytes, extra: str = "") -> bytes:
    return f'--bound\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + value + b"\r\n"


END = b"--bound--\r\n"


def test_fields_and_files_come_back_as_bytes() -> None:
    body = part("caption", "Grüße".encode()) + part("image", b"\x00\xff\r\n", '; filename="../../etc/x.html"') + END
    assert parse_form(TYPE, body) == {"caption": "Grüße".encode(), "image": b"\x00\xff\r\n"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (part("a", b"1") + part("a", b"2") + END, "twice"),
        (part("a", b"1"), "cut off"),
        (b"", "cut off"),
        (b"not a form", "malformed"),
        (b"--bound\r\nContent-Disposition: form-data\r\n\r\n1\r\n" + END, "no name"),
        (b'--bound\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n' + END, "no name"),
        (b'--bound\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n' + END, "UTF-8"),
        (b"".join(part(f"f{number}", b"") for number in range(MAX_PARTS + 1)) + END, "more than"),
    ],
)
def test_what_is_not_exactly_a_form_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        parse_form(TYPE, body)


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", "x; boundary=" + "b" * 999]
)
def test_a_boundary_that_is_missing_or_absurd_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_form(content_type, part("a", b"1") + END)


@given(values=st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.binary(max_size=200), max_size=8))
def test_any_bytes_survive(values: dict[str, bytes]) -> None:
    values = {name: value for name, value in values.items() if b"--bound" not in value}
    body = b"".join(part(name, value) for name, value in values.items()) + END
    if values:
        assert parse_form(TYPE, body) == values


@given(body=st.binary(max_size=300), cut=st.integers(0, 400))
def test_garbage_is_parsed_or_refused_and_nothing_else(body: bytes, cut: int) -> None:
    whole = part("caption", body) + END
    for data in (body, whole[:cut], body + whole):
        try:
            assert isinstance(parse_form(TYPE, data), dict)
        except InvalidInputError as error:
            assert error.message  # noqa: PT017 - either outcome is right
