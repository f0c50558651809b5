"""Every signal of a screening as the job screen shows it: score, thresholds of the policy that judged, history."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup

from moderation.domain.signal import Column, ColumnKind, Match, Score, SignalFailure, SignalSpec, Value
from moderation.domain.verdict import Comparison, RuleHit, RuleStatus, Screening, Truth
from moderation.policy.condition import ColumnValue, Compare, Constant, leaves
from moderation.policy.evaluate import Policy
from review_ui.console.column_words import column_title, column_value, limit_words, signal_title
from review_ui.console.column_words import failure as why_not
from review_ui.console.gauges import gauge, history, scale_of

MAX_HISTORY = 24
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
    """One column. `tone` says whether it led to a rule: bad (a live rule), warn (a shadow rule), quiet."""

    name: str
    title: str
    text: str
    description: str
    tone: str
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


Bounds: TypeAlias = Mapping[str, Sequence[Bound]]


def bounds_of(policy: Policy | None) -> Bounds:
    """What the policy's rules compare each column with, strictest rules as the document orders them."""
    found: dict[str, list[Bound]] = {}
    for rule in policy.active if policy is not None else ():
        for leaf in leaves(rule.condition):
            if not isinstance(leaf, Compare) or not isinstance(leaf.left, ColumnValue):
                continue
            right = leaf.right
            ordered = leaf.operator not in {"=", "<>"}
            if ordered and isinstance(right, Constant) and isinstance(right.value, int | float):
                bound = Bound(rule.name, right.threshold, leaf.operator, float(right.value), rule.live)
                found.setdefault(leaf.left.column.name, []).append(bound)
    return found


def signals_of(
    screening: Screening, specs: Sequence[SignalSpec], bounds: Bounds, earlier: Mapping[str, Sequence[Value]]
) -> list[SignalView]:
    """The signals, those on which a rule fired first, otherwise in the catalog's order."""
    by_name = {spec.name: spec for spec in specs}
    tones = dict(_tones(screening))
    views = [
        _view(result, by_name.get(result.signal), tones, bounds, earlier)
        for result in sorted(screening.results, key=lambda one: _place(one.signal, specs))
    ]
    return sorted(views, key=lambda view: not view.telling)


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
    """The comparisons that made the rule fire: those that are true or unknown, or all where it fired on a NOT."""
    found = [one for one in hit.comparisons if one.truth is not Truth.FALSE]
    return found or list(hit.comparisons)


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
            _measurement(name, value, known.get(name), tones.get(name, "quiet"), bounds.get(name, ()), earlier)
            for name, value in result.values.items()
        )
    return SignalView(
        name=result.signal,
        title=signal_title(result.signal),
        description=spec.description if spec is not None else "",
        version=spec.version if spec is not None else "",
        failure=failure,
        detail=detail,
        columns=tuple(sorted(columns, key=lambda column: not column.telling)),
        known_failures=spec.known_failures if spec is not None else (),
    )


def _measurement(
    name: str,
    value: Value,
    column: Column | None,
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
    description = column.description if column is not None else ""
    return Measurement(
        name, column_title(name, alone=False), column_value(name, value), description, tone, tuple(bounds), drawn, past
    )
