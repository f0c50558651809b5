"""Whether a new release is worse than the one before, or breaks a limit, by the figures of the same examples.

A figure counts as worse when it lies outside the interval that it had before, on the wrong side: what chance alone
may do is no regression. Limits on false alarms hold whatever was before.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

Figures = Mapping[str, object]
"""One set's figures as `reporting.evaluation.document` writes them."""

HIGHER_IS_BETTER = ("average_precision", "recall")
LOWER_IS_BETTER = ("false_alarms",)

FALSE_ALARM_LIMITS: Mapping[str, float] = MappingProxyType(
    {
        "benign_lookalikes": 0.30,
        "benign_prompts": 0.015,
        "ordinary_captions": 0.005,
        "neutral_identity": 0.05,
        "identity_templates": 0.05,
    }
)
"""The share of a harmless set that may be flagged at the shipped thresholds, by the set's name."""

GROUP_LIMITS: Mapping[str, float] = MappingProxyType({"identity_templates": 0.05})
"""The same for every part of a set: sentences that name one group of people."""

LEETSPEAK, LEET_KEPT, OTHERS_KEPT = "leet", 0.85, 0.95
"""The share of the recall that must be kept when texts are written otherwise."""


@dataclass(frozen=True, slots=True)
class Regression:
    """One figure that is worse than it may be; `bound` is what it may not pass, `before` None for a fixed limit.

    `now` is NaN where there is no figure to hold against the limit.
    """

    where: str
    figure: str
    now: float
    bound: float
    before: float | None

    def __str__(self) -> str:
        """In words, with the numbers."""
        past = "a fixed limit" if self.before is None else f"it was {self.before:.4f}"
        return f"{self.where}: {self.figure} is {self.now:.4f}, past {self.bound:.4f} ({past})"


def regressions(before: Figures, now: Figures) -> list[Regression]:
    """What is worse in `now` than in `before`, columns first, then all together.

    A column or figure that is missing on either side is not compared, except that a column of before that is no
    longer measured counts as fallen to 0.
    """
    found: list[Regression] = []
    columns, current = _mapping(before.get("columns")), _mapping(now.get("columns"))
    for name, figures in columns.items():
        if name in current:
            found += _compared(name, _mapping(figures), _mapping(current[name]))
        else:
            found.append(Regression(name, "the column", 0.0, 1.0, 1.0))
    return found + list(_compared("any", _mapping(before.get("any")), _mapping(now.get("any"))))


def broken_limits(name: str, now: Figures) -> list[Regression]:
    """The fixed limits that the figures of the set `name` break; one that nothing can be held against is broken."""
    found: list[Regression] = []
    if name in FALSE_ALARM_LIMITS:
        found += _above("any", _mapping(now.get("any")), FALSE_ALARM_LIMITS[name])
    if name in GROUP_LIMITS:
        parts = {part: each for part, each in _mapping(now.get("slices")).items() if part.startswith("part: ")}
        for part, figures in (parts or {"every part": None}).items():
            found += _above(part, _mapping(figures), GROUP_LIMITS[name])
    for way, figures in _mapping(now.get("obfuscations")).items():
        kept, least = _value(_mapping(figures).get("kept")), LEET_KEPT if way == LEETSPEAK else OTHERS_KEPT
        if kept is None or kept < least:
            found.append(Regression(f"written: {way}", "recall kept", _or_nan(kept), least, None))
    return found


def _compared(where: str, before: Figures, now: Figures) -> Iterator[Regression]:
    for figure in (*HIGHER_IS_BETTER, *LOWER_IS_BETTER):
        old, new = _value(before.get(figure)), _value(now.get(figure))
        side = "low" if figure in HIGHER_IS_BETTER else "high"
        bound = _number(_mapping(before.get(figure)).get(side))
        if old is None or new is None:
            continue
        bound = old if bound is None else bound
        if new < bound if side == "low" else new > bound:
            yield Regression(where, figure, new, bound, old)


def _above(where: str, figures: Figures, limit: float) -> Sequence[Regression]:
    value = _value(figures.get("false_alarms"))
    return [Regression(where, "false_alarms", _or_nan(value), limit, None)] if value is None or value > limit else []


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _mapping(value: object) -> Figures:
    return value if isinstance(value, Mapping) else {}


def _value(estimate: object) -> float | None:
    return _number(_mapping(estimate).get("value"))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def picture_regressions(before: Figures, now: Figures) -> list[Regression]:
    """What is worse in a picture signal's figures, column by column and threshold by threshold; none may go missing.

    Where pictures have no labels, the share that a threshold flags stands for its false alarms: such sets are of
    harmless pictures.
    """
    found: list[Regression] = []
    columns, current = _mapping(before.get("columns")), _mapping(now.get("columns"))
    for name, figures in columns.items():
        if name not in current:
            found.append(Regression(name, "the column", 0.0, 1.0, 1.0))
            continue
        old, new = _mapping(figures), _mapping(current[name])
        found += _compared(name, old, new)
        held = _mapping(new.get("thresholds"))
        for use, point in _mapping(old.get("thresholds")).items():
            where = f"{name}, {use}"
            if use in held:
                found += _compared(where, _flagged_as_alarms(_mapping(point)), _flagged_as_alarms(_mapping(held[use])))
            else:
                found.append(Regression(where, "the threshold", 0.0, 1.0, 1.0))
    return found


def _flagged_as_alarms(point: Figures) -> Figures:
    return point if "false_alarms" in point else {"false_alarms": point.get("flagged")}
