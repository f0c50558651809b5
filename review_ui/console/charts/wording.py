"""Numbers and times as text, in one place, so that an axis, a label and a table never disagree."""

from datetime import UTC, datetime
from enum import StrEnum

from markupsafe import Markup

from review_ui.console.charts.markup import element
from review_ui.console.charts.model import Unit, known
from review_ui.console.charts.scale import DAY, HOUR, MINUTE

UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
COMPACT_FROM = 10_000
EXPONENT_FROM = 1e15
SMALLEST_DECIMAL = 1e-3
FEW_SECONDS = 10
PREFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


class Clock(StrEnum):
    """How much of a time is shown; the page's script reads it from `data-time-format` to localise the text."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    FULL = "full"


_PATTERNS = {Clock.MINUTE: "{t:%H:%M}", Clock.DAY: "{t.day} {t:%b}", Clock.MONTH: "{t:%b} {t.year}"} | {
    Clock.YEAR: "{t.year}",
    Clock.FULL: "{t.day} {t:%b} {t.year} {t:%H:%M} UTC",
}


def short(value: float | None, unit: Unit) -> str:
    """The value for an axis or a label: three significant digits or so, with a true minus sign."""
    shown = known(value)
    return UNKNOWN if shown is None else _short(shown, unit).replace("-", MINUS)


def exact(value: float | None, unit: Unit) -> str:
    """The value for a table or a tooltip."""
    shown = known(value)
    if shown is None:
        return "not known"
    if unit is Unit.SECONDS:
        return _duration(shown)
    scaled = shown * 100 if unit is Unit.SHARE else shown
    sign = "%" if unit is Unit.SHARE else ""
    return f"{scaled:,.6g}{sign}" if abs(scaled) < 1 or abs(scaled) >= EXPONENT_FROM else f"{_decimals(scaled)}{sign}"


def utc(time: datetime, clock: Clock = Clock.FULL) -> str:
    """The time in UTC."""
    return _PATTERNS[clock].format(t=time.astimezone(UTC))


def time_attributes(time: datetime, clock: Clock) -> dict[str, str]:
    """What lets a script rewrite the text for the reader's zone."""
    return {"data_time": time.astimezone(UTC).isoformat(), "data_time_format": clock}


def time_element(time: datetime) -> Markup:
    """The full time, for HTML around a chart."""
    return element("time", utc(time), datetime=time.astimezone(UTC).isoformat(), **time_attributes(time, Clock.FULL))


def _short(shown: float, unit: Unit) -> str:
    if unit is Unit.SECONDS:
        return _duration(shown)
    if unit is Unit.SHARE:
        return f"{_plain(shown * 100)}%"
    if unit is Unit.NUMBER and abs(shown) < FEW_SECONDS and abs(shown) >= SMALLEST_DECIMAL:
        return f"{shown:.2f}"
    return _plain(shown)


def _plain(value: float) -> str:
    """At most three digits with a prefix from 10,000 on; in between whole numbers or up to three digits."""
    size = abs(value)
    if size >= EXPONENT_FROM or 0 < size < SMALLEST_DECIMAL:
        return f"{value:.1e}".replace("e+", "e").replace("e-0", "e-")
    if size >= COMPACT_FROM - 0.5:
        scale, prefix = next(pair for pair in PREFIXES if size >= pair[0])
        return f"{_trim(value / scale)}{prefix}"
    return f"{value:,.0f}" if value == round(value) else _trim(value)


def _trim(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= FEW_SECONDS else 2  # noqa: PLR2004 - three digits in all
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimals(value: float) -> str:
    text = f"{value:,.3f}"
    return text.rstrip("0").rstrip(".")


def _duration(seconds: float) -> str:
    """The two largest parts: `3 d 4 h`, `1 h 30 min`, `12 min`, `4.5 s`."""
    size, sign = abs(seconds), MINUS if seconds < 0 else ""
    if size < MINUTE - 0.5:
        return f"{sign}{_plain(size) if size < FEW_SECONDS else f'{size:.0f}'} s"
    if size >= 1000 * DAY:
        return f"{sign}{_plain(size / DAY)} d"
    for large, name, small, rest in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min"), (MINUTE, "min", 1, "s")):
        whole, left = divmod(round(size / small), large // small)
        if whole:
            return f"{sign}{whole} {name} {left} {rest}" if left else f"{sign}{whole} {name}"
    return f"{sign}{size:.0f} s"
