"""What a signal type says of itself, with its models' licences and the rules that read it, as one document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from moderation.domain.signal import Column, ColumnKind, SignalSpec
from moderation.policy.condition import columns_of
from moderation.policy.rule import Rule
from moderation.signals.catalog import form_of
from moderation.signals.engine.options import EngineOptions
from moderation.signals.engine.placement import in_words
from moderation.signals.registry import ModelEntry

USES = ("high recall", "balanced", "high precision")
MANY_CHOICES = 20
"""More values of a text column than these are only counted on a card."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around the specs: the registry's models by name, the policy's rules (None: it cannot be read), and
    how models run.
    """

    models: Mapping[str, ModelEntry]
    rules: Sequence[Rule] | None
    options: EngineOptions = field(default_factory=EngineOptions)

    def live_rules(self, column: str) -> list[str]:
        """Names of the live rules that read the column, in the policy's order."""
        return [rule.name for rule in self.rules or () if rule.live and column in columns_of(rule.condition)]


def document(spec: SignalSpec, around: Surroundings) -> dict[str, object]:
    """Everything about one signal, for programs."""
    return {
        "name": spec.name,
        "version": spec.version,
        "surface": spec.surface,
        "description": spec.description,
        "cost_ms": spec.cost_ms,
        "time_limit_s": spec.time_limit_s,
        "languages": list(spec.languages),
        "needs": list(spec.needs),
        "models": [_model(name, around) for name in spec.models],
        "runs": _runs(spec, around),
        "columns": [_column(column, spec, around) for column in spec.columns],
        "known_failures": list(spec.known_failures),
        "policy_read": around.rules is not None,
    }


def listing(specs: Sequence[SignalSpec], around: Surroundings) -> RenderableType:
    """A table of all signals."""
    table = Table("signal", "looks at", "columns", "rules", "ms", "models", box=None, header_style="bold")
    for spec in specs:
        rules = {name for column in spec.columns for name in around.live_rules(column.name)}
        read = str(len(rules)) if around.rules is not None else "?"
        models = ", ".join(spec.models) or "-"
        table.add_row(spec.name, _plain(spec.surface), str(len(spec.columns)), read, f"{spec.cost_ms:g}", models)
    return table


def card(spec: SignalSpec, around: Surroundings) -> RenderableType:
    """One signal for people: what it measures, its columns, thresholds and rules, and where it fails."""
    parts: list[RenderableType] = [
        Text.assemble((spec.name, "bold"), f"  version {spec.version}"),
        Text(spec.description),
        Text(),
        _facts(spec, around),
        Text(),
        _columns(spec, around),
    ]
    if around.rules is None:
        parts += [Text(), Text("The policy cannot be read, so that no rules are shown.", style="yellow")]
    if spec.known_failures:
        parts += [Text(), Text("Known failures", style="bold")]
        parts += [Padding(Text(f"- {failure}"), (0, 0, 0, 2)) for failure in spec.known_failures]
    return Group(*parts)


def _facts(spec: SignalSpec, around: Surroundings) -> Table:
    table = Table.grid("", "", padding=(0, 2))
    table.add_row("looks at", Text(_plain(spec.surface)))
    table.add_row("takes", Text(f"{spec.cost_ms:g} ms a post on one core; a batch at most {spec.time_limit_s:g} s"))
    table.add_row("languages", Text(", ".join(spec.languages) or "language plays no part"))
    if spec.needs:
        table.add_row("runs after", Text(", ".join(spec.needs)))
    for name in spec.models:
        entry = around.models.get(name)
        told = f"{name}: {entry.title}; licence {entry.licence}" if entry else f"{name}: not in the registry"
        table.add_row("model", Text(told))
    if spec.models:
        table.add_row("runs", Text(_runs(spec, around)))
    return table


def _runs(spec: SignalSpec, around: Surroundings) -> str:
    """Where and in what precision its models run with the settings in force; empty when it has none."""
    form = form_of(spec)
    return "" if form is None else in_words(form, around.options)


def _columns(spec: SignalSpec, around: Surroundings) -> RenderableType:
    """Every column as a paragraph: a table of so many facts leaves a finger's width for each at 80 characters."""
    parts: list[RenderableType] = []
    for column in spec.columns:
        heading = Table.grid("", "", padding=(0, 2, 0, 0))
        heading.add_row(Text(column.name, style="bold"), Text(_values(column)))
        parts += [heading, _about(column, spec, around)]
    return Group(*parts)


def _about(column: Column, spec: SignalSpec, around: Surroundings) -> RenderableType:
    thresholds = _thresholds(column, spec)
    told = ", ".join(f"{use} {thresholds[use]:g}" for use in sorted(thresholds, key=_use_order))
    rules = ", ".join(around.live_rules(column.name))
    table = Table.grid("", "", padding=(0, 2, 0, 0))
    for name, text in (("thresholds", told), ("live rules", rules)):
        if text:
            table.add_row(Text(name, style="dim"), Text(text))
    facts = [table] if table.row_count else []
    return Padding(Group(Text(column.description), *facts), (0, 0, 0, 4))


def _values(column: Column) -> str:
    """The column's kind, range and choices, in words."""
    optional = ", or NULL" if column.nullable else ""
    if column.choices:
        few = len(column.choices) <= MANY_CHOICES
        return (", ".join(column.choices) if few else f"one of {len(column.choices)} words") + optional
    low, high = column.low, column.high
    match low, high:
        case None, None:
            span = ""
        case None, _:
            span = f" up to {high:g}"
        case _, None:
            span = f" from {low:g}"
        case _:
            span = f" {low:g} to {high:g}"
    kind = {ColumnKind.FLOAT: "number", ColumnKind.INTEGER: "whole number", ColumnKind.BOOLEAN: "true or false"}
    return kind.get(column.kind, "text") + span + optional


def _thresholds(column: Column, spec: SignalSpec) -> Mapping[str, float]:
    """The column's own recommendations, else the spec's where the column is a number."""
    if column.recommended or column.kind not in {ColumnKind.FLOAT, ColumnKind.INTEGER}:
        return column.recommended
    return spec.recommended


def _use_order(use: str) -> tuple[int, str]:
    return (USES.index(use) if use in USES else len(USES), use)


def _column(column: Column, spec: SignalSpec, around: Surroundings) -> dict[str, object]:
    return {
        "name": column.name,
        "kind": column.kind,
        "description": column.description,
        "low": column.low,
        "high": column.high,
        "choices": list(column.choices),
        "nullable": column.nullable,
        "recommended": dict(_thresholds(column, spec)),
        "live_rules": around.live_rules(column.name) if around.rules is not None else None,
    }


def _model(name: str, around: Surroundings) -> dict[str, object]:
    entry = around.models.get(name)
    return {"name": name, "title": entry.title if entry else None, "licence": entry.licence if entry else None}


def _plain(surface: str) -> str:
    return surface.replace("_", " ")
