"""A reader's own posts: a folder of images, or a `.jsonl` or `.csv` file with image, caption, prompt and author."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.domain.post import Author

IMAGE_SUFFIXES = frozenset({".avif", ".gif", ".jpeg", ".jpg", ".png", ".webp"})
FIELDS = frozenset({"image", "caption", "prompt", "author"})
AUTHOR_FIELDS = frozenset({"id", "account_age_days", "published_posts"})
UNKNOWN_AUTHOR = "local"
"""The author of posts that name none."""


@dataclass(frozen=True, slots=True)
class FilePost:
    """One post as read from files; `name` is the image's path as it was written."""

    name: str
    image: bytes
    caption: str
    prompt: str
    author: Author


@dataclass(frozen=True, slots=True)
class Entry:
    """A post whose image was found but not read yet."""

    name: str
    path: Path
    caption: str
    prompt: str
    author: Author

    def read(self) -> FilePost:
        """The post with its image. Raises `NotFoundError` when the file has gone or cannot be read."""
        try:
            image = self.path.read_bytes()
        except OSError as error:
            raise NotFoundError(f"{self.path}: cannot be read: {error.strerror}.") from error
        return FilePost(self.name, image, self.caption, self.prompt, self.author)


def load(path: Path) -> Iterator[FilePost]:
    """The posts of `path`, in order, one image in memory at a time. Raises what `scan` raises before the first."""
    entries = scan(path)
    return (entry.read() for entry in entries)


def scan(path: Path) -> list[Entry]:
    """Every post of `path`, checked, without reading the images.

    Raises `NotFoundError` for a path that does not exist, `InvalidInputError` with file and line for a row that is not
    a post, and for a source with no post in it.
    """
    if not path.exists():
        raise NotFoundError(f"{path} does not exist.", hint="Give a folder of images, or a .jsonl or .csv file.")
    if path.is_dir():
        entries = _folder(path)
    elif path.suffix.lower() == ".jsonl":
        entries = _jsonl(path)
    elif path.suffix.lower() == ".csv":
        entries = _csv(path)
    elif path.suffix.lower() in IMAGE_SUFFIXES:
        entries = [Entry(path.name, path, "", "", Author(UNKNOWN_AUTHOR))]
    else:
        raise InvalidInputError(
            f"{path} is neither a folder nor a .jsonl, .csv or image file.", hint=f"Images: {_listed(IMAGE_SUFFIXES)}."
        )
    if not entries:
        raise InvalidInputError(f"{path} has no posts in it.", hint=f"Images: {_listed(IMAGE_SUFFIXES)}.")
    return entries


def _folder(folder: Path) -> list[Entry]:
    found = sorted(item for item in folder.rglob("*") if item.suffix.lower() in IMAGE_SUFFIXES and item.is_file())
    return [Entry(str(item.relative_to(folder)), item, "", "", Author(UNKNOWN_AUTHOR)) for item in found]


def _jsonl(source: Path) -> list[Entry]:
    entries = []
    for number, line in enumerate(_text(source).splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{source}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InvalidInputError(f"{where}: not JSON: {error.msg} at column {error.colno}.") from error
        if not isinstance(row, dict):
            raise InvalidInputError(f"{where}: not a JSON object.")
        entries.append(_entry(row, source.parent, where))
    return entries


def _csv(source: Path) -> list[Entry]:
    reader = csv.DictReader(_text(source).splitlines(keepends=True), strict=True)
    entries = []
    try:
        for row in reader:
            where = f"{source}:{reader.line_num}"
            if None in row or None in row.values():
                raise InvalidInputError(f"{where}: not as many values as the header has columns.")
            entries.append(_entry(dict(row), source.parent, where))
    except csv.Error as error:
        raise InvalidInputError(f"{source}:{reader.line_num}: not CSV: {error}.") from error
    return entries


def _text(source: Path) -> str:
    try:
        return source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{source}: not UTF-8 at byte {error.start}.") from error
    except OSError as error:
        raise NotFoundError(f"{source}: cannot be read: {error.strerror}.") from error


def _entry(row: dict[str, object], base: Path, where: str) -> Entry:
    if unknown := row.keys() - FIELDS:
        raise InvalidInputError(f"{where}: unknown field {_listed(unknown)}.", hint=f"Fields: {_listed(FIELDS)}.")
    name = _string(row, "image", where)
    if not name:
        raise InvalidInputError(f"{where}: no image.", hint="image is a path, relative to the file that names it.")
    path = base / name
    if not path.is_file():
        raise InvalidInputError(f"{where}: {path} does not exist.")
    return Entry(name, path, _string(row, "caption", where), _string(row, "prompt", where), _author(row, where))


def _string(row: dict[str, object], field: str, where: str) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInputError(f"{where}: {field} is not text.")
    return value


def _author(row: dict[str, object], where: str) -> Author:
    value = row.get("author")
    if not isinstance(value, dict):
        return Author(_string(row, "author", where) or UNKNOWN_AUTHOR)
    if unknown := value.keys() - AUTHOR_FIELDS:
        raise InvalidInputError(f"{where}: author has the unknown field {_listed(unknown)}.")
    age, posts = value.get("account_age_days"), value.get("published_posts")
    if not (age is None or (isinstance(age, int | float) and not isinstance(age, bool) and age >= 0)):
        raise InvalidInputError(f"{where}: author's account_age_days is not a number of at least 0.")
    if not (posts is None or (isinstance(posts, int) and not isinstance(posts, bool) and posts >= 0)):
        raise InvalidInputError(f"{where}: author's published_posts is not a whole number of at least 0.")
    return Author(_string(value, "id", where) or UNKNOWN_AUTHOR, None if age is None else float(age), posts)


def _listed(names: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(names))
