"""Reads files of one JSON value a line, and says where one is none."""

import json
from collections.abc import Iterator
from pathlib import Path

from moderation.domain.errors import InvalidInputError, NotFoundError


def json_lines(path: Path, *, needed: str = "lines of JSON", hint: str = "") -> Iterator[tuple[int, object]]:
    """Each line's number from 1 and its value, in order; blank lines are skipped.

    `needed` is what to ask for, and `hint` how to write it.

    Raises NotFoundError when the file cannot be read, InvalidInputError when it is not UTF-8 text, and with the line
    for what is not JSON.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}.", hint=f"Needed are {needed}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is not UTF-8 text: needed are {needed}.", hint=hint) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"{path}, line {number}: not JSON: {error}.", hint=hint) from error
        yield number, value
