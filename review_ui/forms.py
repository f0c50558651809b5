"""Multipart forms, parsed strictly: UTF-8 only, each field once, the closing boundary must be there."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from moderation.domain.errors import InvalidInputError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARTS = 16


@dataclass(slots=True)
class _Parts:
    """Collects the parser's callbacks."""

    values: dict[str, bytes] = field(default_factory=dict)
    complete: bool = False
    _header: bytes = b""
    _value: bytes = b""
    _disposition: bytes = b""
    _data: bytearray = field(default_factory=bytearray)

    def begin(self) -> None:
        self._header = self._value = self._disposition = b""
        self._data = bytearray()
        if len(self.values) >= MAX_PARTS:
            raise InvalidInputError(f"The form has more than {MAX_PARTS} fields.")

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def end(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise InvalidInputError("A part of the form has no name.")
        name = text(options[b"name"], "name")
        if name in self.values:
            raise InvalidInputError("The form names a field twice.")
        self.values[name] = bytes(self._data)

    def finish(self) -> None:
        self.complete = True

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self.begin,
            "on_part_data": self.data,
            "on_part_end": self.end,
            "on_header_field": self.header_name,
            "on_header_value": self.header_value,
            "on_header_end": self.header_end,
            "on_end": self.finish,
        }


def parse_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """Every field's bytes by name; what the client says of a part's type, charset or file name is ignored.

    Raises `InvalidInputError`.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise InvalidInputError("The form's Content-Type names no boundary.")
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise InvalidInputError("The form is malformed.") from error
    if not parts.complete:
        raise InvalidInputError("The form is cut off: its closing boundary is missing.")
    return parts.values


def text(value: bytes, name: str) -> str:
    """A field's text. Raises `InvalidInputError` unless it is UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"The form's {name} is not UTF-8.") from error
