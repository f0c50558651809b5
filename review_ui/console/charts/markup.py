"""Elements whose text and attributes are always escaped and always well-formed XML."""

import re
import unicodedata

from markupsafe import Markup, escape

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
WIDE_EM, NARROW_EM, USUAL_EM = 1.0, 0.3, 0.57
"""Typical widths of characters, in font sizes; without the reader's font nobody can know better."""

_ILLEGAL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_NARROW = frozenset("iIjlt.,:;'|! ()[]")


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """One element. Strings are escaped unless they are Markup already; an attribute that is None is left out.

    Attribute names lose trailing underscores, and other underscores become hyphens: `class_`, `text_anchor`.
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{shown}>{''.join(map(_text, children))}</{name}>")  # noqa: S704 - every part was escaped


def join(parts: list[Markup]) -> Markup:
    """The parts behind each other."""
    return Markup("").join(parts)


def number(value: float) -> str:
    """A coordinate with at most two decimals, without trailing zeros and without a negative zero."""
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def one_line(text: str) -> str:
    """The text with its runs of space collapsed and without characters that would reorder what stands beside it."""
    return _BIDI.sub(REPLACEMENT, " ".join(text.split()))


def text_width(text: str, size: float) -> float:
    """About how wide the text is at a font size, in the size's unit."""
    return size * sum(map(_em, text))


def clipped(text: str, width: float, size: float) -> str:
    """The text on one line, cut with an ellipsis so that it is about `width` wide at most."""
    line = one_line(text)
    if text_width(line, size) <= width:
        return line
    room, kept = width - size, []
    for character in line:
        room -= size * _em(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + ELLIPSIS


def _em(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return WIDE_EM
    return NARROW_EM if character in _NARROW else USUAL_EM


def _text(value: str | float) -> str:
    if isinstance(value, Markup):
        return value
    return escape(_ILLEGAL.sub(REPLACEMENT, value)) if isinstance(value, str) else number(value)
