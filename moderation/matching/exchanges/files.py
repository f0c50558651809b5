"""Files and folders of hashes: CSV, JSON, JSON lines, and plain text as python-threatexchange reads it.

A file tells everything there is: an entry that is no longer in it is gone. Rows stand for themselves, so one that is
malformed is counted and the others are used; nothing is removed by a pass with malformed rows.
"""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeAlias

from moderation.domain.bank import Opinion
from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.domain.exchange import (
    ExchangeRefusedError,
    Feedback,
    Item,
    MalformedExchangeError,
    OwnerOpinion,
    Page,
    Position,
    Skipped,
    kinds_counted,
)
from moderation.matching.exchanges import reading
from moderation.matching.exchanges.source import KindSpec, Opening, Option

PAGE_ROWS = 1_000
MAX_FILE_BYTES = 4 * 1024**3
MAX_JSON_BYTES = 512 * 1024**2
"""A JSON array is read whole."""
MAX_LINE_CHARS = 64 * 1024
MAX_FILES = 10_000
SUPPORTED = "pdq"
VALUE_COLUMNS = (SUPPORTED, "value", "hash", "signal")
"""Where a row's hash may stand; `type` (or `signal_type`) says what it is, PDQ where nothing does."""

SPEC = KindSpec(
    title="a file or folder: .csv with a header, .json, .jsonl, .txt",
    address_help="absolute path of the file or folder",
    options=(Option("opinion", "the opinion of rows that hold none: positive_class unless set"),),
)

Row: TypeAlias = Mapping[str, Any]


class Files:
    """One file, or every file of a known kind in a folder, by name."""

    def __init__(self, opening: Opening) -> None:
        self._path = Path(opening.address)
        if not self._path.is_absolute():
            raise InvalidInputError("The path of an exchange of files must be absolute.")
        self._opinion = _opinion(opening.option("opinion", Opinion.POSITIVE))

    def close(self) -> None:
        """Nothing is open between fetches."""

    def tell(self, feedback: Feedback) -> None:
        """Files cannot be told anything."""
        raise ExchangeRefusedError(f"An exchange of files takes no feedback: {feedback.outcome} is not told.")

    def fetch(self, position: Position) -> Iterator[Page]:
        """See `Source.fetch`. Unchanged files are one empty page; a pass is taken up where it stopped."""
        digest = self._digest()
        same = position.get("digest") == digest
        if same and position.get("done"):
            yield Page((), position, complete=True)
            return
        place = int(str(position.get("row", 0))) if same else 0
        rows = islice(self._rows(), place, None)
        begins = not same
        while True:
            chunk = list(islice(rows, PAGE_ROWS))
            place += len(chunk)
            last = len(chunk) < PAGE_ROWS
            if last and self._digest() != digest:
                raise UnavailableError("The files were changed while they were read; they are read again.")
            if last and place == 0:
                raise MalformedExchangeError("The files hold no row.", hint="An empty file is taken for a mistake.")
            items, skipped = self._items(chunk)
            after: dict[str, Any] = {"digest": digest, "row": place} | ({"done": True} if last else {})
            yield Page(items, after, complete=last, full=True, begins=begins, skipped=skipped)
            if last:
                return
            begins = False

    def _files(self) -> list[Path]:
        try:
            if not self._path.is_dir():
                if self._path.exists() and not self._path.is_file():
                    raise InvalidInputError(f"{self._path} is neither a file nor a folder.")  # a pipe would never end
                return [self._path]
            found = [path for path in self._path.iterdir() if path.suffix.lower() in _READERS and path.is_file()]
        except OSError as error:
            raise UnavailableError(f"{self._path} cannot be read: {error.strerror}.") from None
        if not 0 < len(found) <= MAX_FILES:
            raise UnavailableError(f"{self._path} holds {len(found)} files of hashes, not 1 to {MAX_FILES}.")
        return sorted(found)

    def _digest(self) -> str:
        """Of every file's name and content."""
        total = hashlib.sha256()
        for path in self._files():
            try:
                with path.open("rb") as file:
                    if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                        raise MalformedExchangeError(f"{path.name} is over {MAX_FILE_BYTES} bytes.")
                    content = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise UnavailableError(f"{path} cannot be read: {error.strerror}.") from None
            total.update(f"{path.name}\0{content}\0".encode())
        return total.hexdigest()

    def _rows(self) -> Iterator[Row | None]:
        """Every row, None for one that is malformed."""
        for path in self._files():
            reader = _READERS.get(path.suffix.lower())
            if reader is None:
                raise InvalidInputError(f"{path.name} is not of a known kind.", hint=f"Use {', '.join(_READERS)}.")
            try:
                with path.open(encoding="utf-8-sig", newline="") as file:
                    yield from reader(file)
            except OSError as error:
                raise UnavailableError(f"{path} cannot be read: {error.strerror}.") from None
            except (UnicodeDecodeError, csv.Error):
                raise MalformedExchangeError(f"{path.name} is not {path.suffix} text in UTF-8.") from None

    def _items(self, rows: list[Row | None]) -> tuple[tuple[Item, ...], Skipped]:
        items: dict[str, Item] = {}
        unsupported: dict[str, int] = {}
        malformed = 0
        for place, row in enumerate(rows):
            kind = str((row or {}).get("type") or (row or {}).get("signal_type") or SUPPORTED).casefold()
            if kind != SUPPORTED:
                unsupported = kinds_counted(unsupported, {kind: 1})
                continue
            try:
                item = self._item(reading.an_object(row, "the row", f"number {place}"), f"number {place}")
            except (MalformedExchangeError, InvalidInputError):
                malformed += 1
                continue
            items.pop(item.id, None)
            items[item.id] = item
        return tuple(items.values()), Skipped(unsupported, malformed)

    def _item(self, row: Row, place: str) -> Item:
        value = next((row[name] for name in VALUE_COLUMNS if row.get(name)), None)
        pdq = reading.pdq_of(value.strip() if isinstance(value, str) else None)
        if pdq is None:
            raise MalformedExchangeError("The row has no PDQ hash.", item=place)
        key = reading.a_text(str(row.get("id") or reading.hidden_id(SUPPORTED, pdq)), "the id", place)
        said = row.get("opinion")
        opinion = self._opinion if said in {None, ""} else _opinion(str(said))
        quality = row.get("quality")
        return Item(
            key,
            pdq,
            reading.quality_of(pdq) if quality in {None, ""} else _quality(quality, key),
            (OwnerOpinion(_words(row, "owner") or "file", opinion),),
            category=_words(row, "category"),
            note=_words(row, "note"),
        )


def _csv(file: IO[str]) -> Iterator[Row | None]:
    header = csv.DictReader(file, restkey="", restval=None)
    names = {(name or "").strip().casefold() for name in header.fieldnames or ()}
    if not names & set(VALUE_COLUMNS):
        raise MalformedExchangeError(f"The header names none of {', '.join(VALUE_COLUMNS)}.")
    for row in header:
        named = {name.strip().casefold(): value for name, value in row.items() if name}
        yield None if "" in row or any(value is None for value in named.values()) else named


def _lines(file: IO[str]) -> Iterator[str | None]:
    """Lines that are not blank; None for one that is too long."""
    while line := file.readline(MAX_LINE_CHARS):
        if len(line) == MAX_LINE_CHARS and not line.endswith("\n"):
            while (rest := file.readline(MAX_LINE_CHARS)) and not rest.endswith("\n"):
                pass
            yield None
        elif line.strip():
            yield line.strip()


def _json_lines(file: IO[str]) -> Iterator[Row | None]:
    for line in _lines(file):
        yield _object(line)


def _object(line: str | None) -> Row | None:
    try:
        value = json.loads(line) if line is not None else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _json(file: IO[str]) -> Iterator[Row | None]:
    if os.fstat(file.fileno()).st_size > MAX_JSON_BYTES:
        raise MalformedExchangeError(f"The file is over {MAX_JSON_BYTES} bytes.", hint="Use JSON lines.")
    try:
        value = json.load(file)
    except UnicodeDecodeError:
        raise
    except (ValueError, RecursionError):
        raise MalformedExchangeError("The file is not JSON.") from None
    for row in reading.a_list(value, "the file", most=50_000_000):
        yield row if isinstance(row, dict) else None


def _text(file: IO[str]) -> Iterator[Row | None]:
    """`pdq HASH`, or the hash alone."""
    for line in _lines(file):
        kind, _, value = (line or "").partition(" ")
        yield {"type": kind, "value": value.strip()} if value else {"value": kind}


_READERS: Mapping[str, Callable[[IO[str]], Iterator[Row | None]]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".txt": _text,
}


def _opinion(text: str) -> Opinion:
    try:
        return Opinion(text.strip().casefold())
    except ValueError:
        raise InvalidInputError(f"An opinion is one of {', '.join(Opinion)}.") from None


def _words(row: Row, name: str) -> str:
    """A text as one line: databases hold no NUL and no half of a character, which JSON can tell."""
    text = str(row.get(name) or "")[: reading.MAX_TEXT_CHARS]
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _quality(value: object, key: str) -> int:
    quality = reading.a_number(value.strip() if isinstance(value, str) else value, "the quality", key)
    if quality > 100:  # noqa: PLR2004 - PDQ's scale
        raise MalformedExchangeError("The quality is not 0 to 100.", item=key)
    return quality
