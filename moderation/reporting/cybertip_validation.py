"""Checks documents before they are stored or sent, and reads XML from outside without trusting it.

Every document is checked against this package's schema, and against NCMEC's own where the operator downloaded it.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from xml.etree.ElementTree import Element

import xmlschema
from xmlschema.exceptions import XMLSchemaException

from moderation.domain.errors import InvalidInputError

MAX_PROBLEMS = 50
MAX_MESSAGE_CHARS = 300
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024

_SCHEMA_TAG = re.compile(r"\{http://www\.w3\.org/2001/XMLSchema\}(import|include|redefine|override)")
_PATTERNS = (
    (r"[^\s@]+@", "is not an e-mail address"),
    (r"\s*\S[\s\S]*", "must not be blank"),
    (r".+(Z|", "needs a time zone: Z, or hours and minutes such as +01:00"),
    (r"[0-9a-f]{32}", "must be a digest in lower-case hexadecimal, 32 or 64 characters"),
)
"""What a broken pattern of our schema means, told by how the pattern starts."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `path` is the element, e.g. "/report/reporter/reportingPerson/email"; `by` is who asks."""

    path: str
    message: str
    by: str = "the schema"

    def __str__(self) -> str:
        """One line, as a person reads it."""
        return f"{self.path or '(document)'}: {self.message} (by {self.by})"


def safe_root(data: bytes) -> Element:
    """The root of a document from outside: UTF-8, no document type, no entities, nothing fetched, bounded in size.

    Raises `InvalidInputError` when it is not such a document.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InvalidInputError(f"The XML document is longer than {MAX_DOCUMENT_BYTES} bytes.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInputError("The XML document is not UTF-8.") from None
    if "<!DOCTYPE" in text:  # without it there are no entities either
        raise InvalidInputError("The XML document declares a document type or entities, which are not read.")
    try:
        root: Element = xmlschema.XMLResource(io.StringIO(text), defuse="always", allow="none").root
    except (XMLSchemaException, ValueError) as error:
        raise InvalidInputError(f"The XML document is not well-formed: {error}"[:MAX_MESSAGE_CHARS]) from None
    return root


def validate(document: bytes, *, kind: str = "", published_xsd: bytes | None = None) -> tuple[Problem, ...]:
    """What is wrong with a `report` or `fileDetails` document, at most `MAX_PROBLEMS`; empty when it may be sent.

    `kind` is which of the two it must be, "" for either.
    `published_xsd` is NCMEC's own schema; one that cannot be read is a problem too: nothing is sent unchecked.
    """
    try:
        root = safe_root(document)
    except InvalidInputError as error:
        return (Problem("", error.message),)
    if kind not in {"", root.tag}:
        return (Problem(f"/{root.tag}"[:MAX_MESSAGE_CHARS], f"a {kind} document must stand here"),)
    problems = list(_against(_emitted_schema(), root, "the schema"))
    if published_xsd is not None:
        try:
            problems += _against(published_schema(published_xsd), root, "NCMEC's schema")
        except InvalidInputError as error:
            problems.append(Problem("", error.message, "NCMEC's schema"))
    return tuple(problems[:MAX_PROBLEMS])


@lru_cache(maxsize=4)
def published_schema(data: bytes) -> xmlschema.XMLSchema10:
    """NCMEC's schema, compiled. Raises `InvalidInputError` when it is not one, or asks for other files."""
    root = safe_root(data)
    if any(_SCHEMA_TAG.fullmatch(child.tag) for child in root):
        raise InvalidInputError("The downloaded schema refers to other files, which are not fetched.")
    return _compiled(data.decode("utf-8-sig"))


@cache
def _emitted_schema() -> xmlschema.XMLSchema10:
    return _compiled((files("moderation.reporting") / "schema" / "cybertip.xsd").read_text("utf-8"))


def _compiled(text: str) -> xmlschema.XMLSchema10:
    try:
        return xmlschema.XMLSchema10(io.StringIO(text), defuse="always", allow="none")
    except (XMLSchemaException, ValueError) as error:
        message = f"The schema cannot be read: {error}"[:MAX_MESSAGE_CHARS]
        raise InvalidInputError(message, hint="Download it again with `xsd()`.") from None


def _against(schema: xmlschema.XMLSchema10, root: Element, by: str) -> Iterator[Problem]:
    for error in schema.iter_errors(root, use_location_hints=False):
        yield Problem(error.path or "", _readable(error.reason or "is not valid"), by)


def _readable(reason: str) -> str:
    """The library's reason in this system's words; no more of it than a line."""
    if "any pattern of" in reason:
        return next((words for start, words in _PATTERNS if f"['{start}" in _plain(reason)), "is malformed")
    longer = re.search(r"length cannot be greater than (\d+)", reason)
    if longer:
        return f"must not be longer than {longer[1]} characters"
    return _plain(reason).replace("value must", "must").replace("lesser than 1", "0")[:MAX_MESSAGE_CHARS]


def _plain(reason: str) -> str:
    return " ".join(reason.replace("\\\\", "\\").split())
