"""Forms of the console as plain text fields, read once per request. `limits.BodyLimit` bounds their size and time."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from moderation.domain.errors import InvalidInputError

MAX_FIELDS = 1_000
MAX_FIELD_BYTES = 512 * 1024
"""The longest field is a review plan."""


class Form(Mapping[str, str]):
    """The text fields of a form: the last value of each by its name, and `all` of them where several may be ticked."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        """The last value of the field. Raises `KeyError`."""
        return self._values[name][-1]

    def __iter__(self) -> Iterator[str]:
        """The names of the fields."""
        return iter(self._values)

    def __len__(self) -> int:
        """How many fields there are."""
        return len(self._values)

    def all(self, name: str) -> list[str]:
        """Every value of the field, in order."""
        return list(self._values.get(name, ()))


async def read_form(request: Request) -> Form:
    """The request's text fields; no fields where its body is no form. Raises `InvalidInputError` for a NUL in one."""
    sent = await request.form(max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
    pairs = [(name, value) for name, value in sent.multi_items() if isinstance(value, str)]
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise InvalidInputError("The form holds a character that no text has.")
    return Form(pairs)


TheForm = Annotated[Form, Depends(read_form)]
"""The text fields of the request's form."""
