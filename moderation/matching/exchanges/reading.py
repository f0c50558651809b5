"""Reading what a stranger sent: every value has the type that the protocol says, or the page is refused."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element, ParseError, XMLParser

from moderation.domain.exchange import MalformedExchangeError

JsonObject: TypeAlias = Mapping[str, Any]

MAX_TEXT_CHARS = 200
"""Identifiers, owners and tags; longer ones are refused."""
MAX_NUMBER_DIGITS = 18
MAX_TAGS = 200
USABLE_ONES = range(80, 177)
"""Bits set in the hash of a picture with detail. PDQ keeps signs about the median, so about 128 of 256 are set; a hash
far from it is of a flat picture, would match every flat picture, and gets quality 0: it never acts by itself."""

_PDQ = re.compile(r"[0-9a-fA-F]{64}")
_NUMBER = re.compile(rf"[0-9]{{1,{MAX_NUMBER_DIGITS}}}")


def json_object(body: bytes) -> JsonObject:
    """The object in a body. Raises `MalformedExchangeError`."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedExchangeError("The answer is not JSON.") from None
    return an_object(value, "the answer")


def xml_root(body: bytes) -> Element:
    """The root of a document without a document type; namespaces are taken off. Raises `MalformedExchangeError`."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or b"\x00" in body:  # UTF-16 could hide them
        raise MalformedExchangeError("The answer declares a document type or is not UTF-8.")
    parser = XMLParser()  # noqa: S314 - without a document type there are no entities to expand
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError):
        raise MalformedExchangeError("The answer is not XML.") from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def an_object(value: object, what: str, item: str = "") -> JsonObject:
    """`value` as an object. Raises `MalformedExchangeError` naming `what` and the item."""
    if not isinstance(value, dict):
        raise _wrong(what, "an object", item)
    return value


def a_list(value: object, what: str, item: str = "", *, most: int) -> list[Any]:
    """`value` as a list of at most `most`."""
    if not isinstance(value, list) or len(value) > most:
        raise _wrong(what, f"a list of at most {most}", item)
    return value


def a_text(value: object, what: str, item: str = "", *, most: int = MAX_TEXT_CHARS) -> str:
    """`value` as a text that is not empty, printable and at most `most` characters long."""
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise _wrong(what, f"a text of 1 to {most} printable characters", item)
    return value


def one_of(value: object, known: Collection[str], what: str, item: str = "") -> str:
    """`value` as one of the known words."""
    word = a_text(value, what, item)
    if word not in known:
        raise _wrong(what, f"one of {', '.join(sorted(known))}", item)
    return word


def is_number(text: str) -> bool:
    """Whether a text is a whole number, 0 or more."""
    return _NUMBER.fullmatch(text) is not None


def an_id(value: object, what: str, item: str = "") -> str:
    """`value` as a number that may be written as text, as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise _wrong(what, "a number", item)
    return value


def a_number(value: object, what: str, item: str = "") -> int:
    """`value` as a whole number, 0 or more, that may be written as text."""
    return int(an_id(value, what, item))


def a_truth(value: object, what: str, item: str = "") -> bool:
    """`value` as true or false."""
    if not isinstance(value, bool):
        raise _wrong(what, "true or false", item)
    return value


def tags_of(value: object, what: str, item: str) -> tuple[str, ...]:
    """`value` as a list of short texts, sorted; None is none."""
    if value is None:
        return ()
    return tuple(sorted({a_text(tag, what, item) for tag in a_list(value, what, item, most=MAX_TAGS)}))


def pdq_of(value: object) -> str | None:
    """A PDQ hash in lower case, or None when it is none."""
    return value.lower() if isinstance(value, str) and _PDQ.fullmatch(value) else None


def quality_of(pdq: str) -> int:
    """The quality assumed for a hash that came without one: 100, or 0 for that of a flat picture."""
    return 100 if int(pdq, 16).bit_count() in USABLE_ONES else 0


def hidden_id(kind: str, value: str) -> str:
    """An identifier for an item that has only its hash: hashes are secrets and identifiers are not."""
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()[:32]


def _wrong(what: str, wanted: str, item: str) -> MalformedExchangeError:
    return MalformedExchangeError(f"{what[0].upper()}{what[1:]} is not {wanted}.", item=item)
