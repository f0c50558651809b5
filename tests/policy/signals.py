"""A small catalog for policy tests: every column kind, bounds, choices and NULL, in four signals."""

from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
    Value,
)

FLOAT, INTEGER, BOOLEAN, TEXT = ColumnKind.FLOAT, ColumnKind.INTEGER, ColumnKind.BOOLEAN, ColumnKind.TEXT

SPECS = (
    SignalSpec(
        "image_facts",
        "1",
        Surface.IMAGE,
        "facts",
        (
            Column("image_status", TEXT, "", choices=("decoded", "truncated", "corrupt")),
            Column("image_width", INTEGER, "", low=1, nullable=True),
            Column("image_height", INTEGER, "", low=1, nullable=True),
            Column("image_animated", BOOLEAN, "", nullable=True),
            Column("image_format", TEXT, "", nullable=True),
        ),
        cost_ms=1,
    ),
    SignalSpec("image_nsfw", "1", Surface.IMAGE, "", (Column("image_nsfw", FLOAT, "", low=0, high=1),), cost_ms=1),
    SignalSpec(
        "caption_terms",
        "1",
        Surface.CAPTION,
        "",
        (Column("caption_adult", INTEGER, "", low=0, high=3), Column("caption_hate", INTEGER, "", low=0, high=3)),
        cost_ms=1,
    ),
    SignalSpec(
        "caption_links",
        "1",
        Surface.CAPTION,
        "",
        (
            Column("caption_links", INTEGER, "", low=0),
            Column("caption_link_shortener", BOOLEAN, ""),
            Column("author_age_days", FLOAT, "", low=0, nullable=True),
        ),
        cost_ms=1,
    ),
)
ORDINARY: dict[str, Value] = {
    "image_status": "decoded",
    "image_width": 640,
    "image_height": 480,
    "image_animated": False,
    "image_format": "jpeg",
    "image_nsfw": 0.03,
    "caption_adult": 0,
    "caption_hate": 0,
    "caption_links": 0,
    "caption_link_shortener": False,
    "author_age_days": None,
}


def results(*failed: str, **values: Value) -> tuple[SignalResult, ...]:
    """An ordinary post's results with some values changed and some signals failed."""
    measured = ORDINARY | values
    return tuple(
        SignalFailure(spec.name, FailureReason.TIMED_OUT, "after 30 s")
        if spec.name in failed
        else Score(spec.name, {column.name: measured[column.name] for column in spec.columns})
        for spec in SPECS
    )


def document(*rules: str, thresholds: str = "{}", failures: str = "{}") -> str:
    """A policy document with rules in short: "name: condition -> verdict [queue] [status]"."""
    lines = ["version: 1", "name: test", "description: For a test.", f"thresholds: {thresholds}", "rules:"]
    for rule in rules:
        name, _, rest = rule.partition(": ")
        condition, _, effect = rest.rpartition(" -> ")
        verdict, queue, status = (*effect.split(), "", "")[:3]
        queue = "" if verdict == "reject" else (queue or "adult")
        lines += [
            f"  - name: {name}",
            f"    status: {status or 'live'}",
            f"    when: |-\n      {condition}",
            f"    verdict: {verdict}",
            *([f"    queue: {queue}"] if queue else []),
            f"    category: {name}_category",
            f"    reason: Reason of {name}.",
            "    why: For a test.",
        ]
    return "\n".join([*lines, f"failures: {failures}", ""])
