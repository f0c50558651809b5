"""Every signal of a screening as the job screen shows it: score, thresholds of the policy that judged, history."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup

from moderation.domain.signal import Column, ColumnKind, Match, Score, SignalFailure, SignalSpec, Value
from moderation.domain.verdict import Comparison, RuleHit, RuleStatus, Screening, Truth
from moderation.policy.condition import Call, ColumnValue, Compare, Constant, Function, Operand, leaves
from moderation.policy.evaluate import Policy
from review_ui.console.column_words import column_title, column_value, limit_words, signal_title
from review_ui.console.column_words import failure as why_not
from review_ui.console.gauges import gauge, history, scale_of
from review_ui.console.notable import Weight, weight

MAX_HISTORY = 24
GUARDS = frozenset({"IS NULL", "IS NOT NULL", "<>"})
"""Comparisons that only keep others from being asked."""
NAME = re.compile(r"[a-z][a-z0-9_]+")
"""A column's name, also inside a computed side such as COALESCE(image_frames, 1)."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A number that a rule of the policy compares the column with."""

    rule: str
    name: str
    operator: str
    value: float
    live: bool


@dataclass(frozen=True, slots=True)
class Measurement:
    """One column. `tone` says whether it led to a rule: bad (a live rule), warn (a shadow rule), quiet.

    `title` is its name under the signal's heading, `full` where none stands above it; `weight` is what the value says
    by itself, `unknown` whether there is none.
    """

    name: str
    title: str
    full: str
    text: str
    description: str
    tone: str
    weight: Weight
    unknown: bool
    bounds: tuple[Bound, ...] = ()
    gauge: str = ""
    history: str = ""

    @property
    def limits(self) -> list[tuple[str, str]]:
        """Rule and what it asks for, in words, for each live rule."""
        return [(one.rule, limit_words(self.name, one.operator, f"{one.value:g}")) for one in self.bounds if one.live]

    @property
    def telling(self) -> bool:
        """Whether a rule fired on it."""
        return self.tone != "quiet"

    @property
    def idle(self) -> bool:
        """Whether it says nothing: no rule fired on it, and nothing was found."""
        return not self.telling and self.weight is Weight.IDLE


@dataclass(frozen=True, slots=True)
class SignalView:
    """One signal; `failure` is why there is no measurement, "" when there is one, `detail` the program's own words."""

    name: str
    title: str
    description: str
    version: str
    failure: str
    detail: str
    columns: tuple[Measurement, ...]
    known_failures: tuple[str, ...]

    @property
    def telling(self) -> bool:
        """Whether a rule fired on it, or it failed."""
        return bool(self.failure) or any(column.telling for column in self.columns)

    @property
    def idle(self) -> bool:
        """Whether none of its columns says anything."""
        return not self.failure and all(column.idle for column in self.columns)

    @property
    def nothing(self) -> str:
        """What its idle columns say: that nothing was found, or why nothing is known."""
        idle = [one for one in self.columns if one.idle]
        unknown = [one for one in idle if one.unknown]
        if idle and unknown == idle:
            return ", ".join(dict.fromkeys(one.text for one in unknown))
        return "nothing found" + (f", {len(unknown)} without a value" if unknown else "")

    @property
    def rank(self) -> int:
        """0 where a live rule fired on it, then where another one did or it failed, the rest, and 3 if it is idle."""
        if self.telling:
            return 0 if any(column.tone == "bad" for column in self.columns) else 1
        return 3 if self.idle else 2

    @property
    def notable(self) -> tuple[Measurement, ...]:
        """What is worth a look although no rule fired on it."""
        return tuple(one for one in self.columns if not one.telling and one.weight is Weight.NOTABLE)


Bounds: TypeAlias = Mapping[str, Sequence[Bound]]


def bounds_of(policy: Policy | None) -> Bounds:
    """What the policy's rules compare each column with, strictest rules as the document orders them."""
    found: dict[str, list[Bound]] = {}
    for rule in policy.active if policy is not None else ():
        for leaf in leaves(rule.condition):
            column = _column_of(leaf.left) if isinstance(leaf, Compare) else None
            if column is None or not isinstance(leaf, Compare):
                continue
            right = leaf.right
            ordered = leaf.operator not in {"=", "<>"}
            if ordered and isinstance(right, Constant) and isinstance(right.value, int | float):
                bound = Bound(rule.name, right.threshold, leaf.operator, float(right.value), rule.live)
                found.setdefault(column.name, []).append(bound)
    return found


def _column_of(side: Operand) -> Column | None:
    """The column that is compared, also where COALESCE says what its NULL counts as."""
    if isinstance(side, Call) and side.function is Function.COALESCE:
        side = side.arguments[0]
    return side.column if isinstance(side, ColumnValue) else None


def signals_of(
    screening: Screening, specs: Sequence[SignalSpec], bounds: Bounds, earlier: Mapping[str, Sequence[Value]]
) -> list[SignalView]:
    """The signals, those on which a live rule fired first, otherwise in the catalog's order."""
    by_name = {spec.name: spec for spec in specs}
    tones = dict(_tones(screening))
    views = [
        _view(result, by_name.get(result.signal), tones, bounds, earlier)
        for result in sorted(screening.results, key=lambda one: _place(one.signal, specs))
    ]
    return sorted(views, key=lambda view: view.rank)


def _place(signal: str, specs: Sequence[SignalSpec]) -> int:
    return next((index for index, spec in enumerate(specs) if spec.name == signal), len(specs))


def _tones(screening: Screening) -> Iterator[tuple[str, str]]:
    """The tone of each column that made a rule true; a live rule's last, so that it stays."""
    hits = sorted(screening.judgement.hits, key=lambda hit: hit.status is RuleStatus.LIVE)
    for hit in hits:
        for comparison in telling(hit):
            for column in NAME.findall(comparison.column):
                yield column, "bad" if hit.status is RuleStatus.LIVE else "warn"


def telling(hit: RuleHit) -> list[Comparison]:
    """The comparisons that made the rule fire: those that are true or unknown, or all where it fired on a NOT.

    What only keeps others from being asked is left out where there is anything else.
    """
    found = [one for one in hit.comparisons if one.truth is not Truth.FALSE] or list(hit.comparisons)
    return [one for one in found if one.operator.upper() not in GUARDS] or found


def _view(
    result: Score | Match | SignalFailure,
    spec: SignalSpec | None,
    tones: Mapping[str, str],
    bounds: Bounds,
    earlier: Mapping[str, Sequence[Value]],
) -> SignalView:
    failure = detail = ""
    columns: tuple[Measurement, ...] = ()
    if isinstance(result, SignalFailure):
        failure, detail = why_not(result.reason.value), result.detail
    else:
        known = {column.name: column for column in spec.columns} if spec is not None else {}
        columns = tuple(
            _measurement(name, value, known.get(name), spec, tones.get(name, "quiet"), bounds.get(name, ()), earlier)
            for name, value in result.values.items()
        )
    return SignalView(
        name=result.signal,
        title=signal_title(result.signal),
        description=spec.description if spec is not None else "",
        version=spec.version if spec is not None else "",
        failure=failure,
        detail=detail,
        columns=tuple(sorted(columns, key=lambda one: (not one.telling, one.weight is not Weight.NOTABLE))),
        known_failures=spec.known_failures if spec is not None else (),
    )


def _measurement(
    name: str,
    value: Value,
    column: Column | None,
    spec: SignalSpec | None,
    tone: str,
    bounds: Sequence[Bound],
    earlier: Mapping[str, Sequence[Value]],
) -> Measurement:
    drawn = past = Markup("")
    numeric = column is not None and column.kind in {ColumnKind.FLOAT, ColumnKind.INTEGER}
    if numeric and column is not None and isinstance(value, int | float) and not isinstance(value, bool):
        marks = sorted({bound.value for bound in bounds if bound.live})
        before = [float(one) for one in earlier.get(name, ()) if isinstance(one, int | float)][-MAX_HISTORY:]
        scale = scale_of(column.low, column.high, [float(value), *marks, *before])
        if bounds or column.high is not None:
            drawn = gauge(float(value), marks, scale, tone=tone)
        if bounds:
            past = history(before, float(value), marks, scale)
    recommended = (column.recommended if column else {}) or (spec.recommended if numeric and spec else {})
    return Measurement(
        name=name,
        title=column_title(name, alone=False),
        full=column_title(name),
        text=column_value(name, value),
        description=column.description if column is not None else "",
        tone=tone,
        weight=weight(name, value, recommended),
        unknown=value is None,
        bounds=tuple(bounds),
        gauge=drawn,
        history=past,
    )
