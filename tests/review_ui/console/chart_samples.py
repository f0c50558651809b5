"""One chart of each kind, as a lead's dashboard shows it; `golden/` holds how each is drawn.

After a wanted change: `python -m tests.review_ui.console.chart_samples`, then look at the difference.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from review_ui.console.charts import (
    Bar,
    Chart,
    Dot,
    DotPlot,
    HorizontalBars,
    LineChart,
    Meter,
    Reference,
    Series,
    Sparkline,
    StackedBars,
    Unit,
    draw,
)

GOLDEN = Path(__file__).with_name("golden")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

SAMPLES: dict[str, Chart] = {
    "line": LineChart(
        id="age",
        title="Age of the oldest job",
        note="per queue, at the end of each hour",
        times=tuple(MONDAY + timedelta(hours=hour) for hour in range(8)),
        series=(
            Series("general", (600.0, 1500.0, 2400.0, None, None, 1200.0, 900.0, 300.0)),
            Series("self-harm & <minors>", (60.0, 120.0, 90.0, 240.0, 600.0, 420.0, 300.0, 240.0)),
        ),
        unit=Unit.SECONDS,
        references=(Reference(1800.0, "limit"),),
    ),
    "stacked": StackedBars(
        id="verdicts",
        title="Verdicts per day",
        times=tuple(MONDAY + timedelta(days=day) for day in range(7)),
        series=(
            Series("approve", (820.0, 910.0, 780.0, None, 1010.0, 640.0, 500.0)),
            Series("hold", (120.0, 90.0, 140.0, None, 160.0, 110.0, 60.0)),
            Series("reject", (40.0, 35.0, 0.0, None, 55.0, 80.0, 21.0)),
        ),
    ),
    "horizontal": HorizontalBars(
        id="rules",
        title="Posts held per rule",
        bars=(Bar("adult-image", 1240.0, "31% overturned"), Bar("spam-links", 312.0), Bar("new rule", None)),
    ),
    "dots": DotPlot(
        id="kappa",
        title="Agreement per category",
        note="Cohen's kappa, 95% interval",
        dots=(
            Dot("adult", 0.82, 0.76, 0.87, "412 posts"),
            Dot("hate", 0.55, 0.38, 0.71, "64 posts"),
            Dot("spam", None, note="one label only"),
        ),
        references=(Reference(0.667, "tentative"), Reference(0.8, "reliable")),
    ),
    "sparkline": Sparkline(title="Decisions per hour", values=(12.0, 15.0, None, 9.0, 22.0, 19.0)),
    "meter": Meter(id="exposure", title="Violence, this shift", used=34.0, budget=40.0, noun="pictures revealed"),
}


def golden_path(name: str) -> Path:
    return GOLDEN / f"{name}.html"


def golden_text(name: str) -> str:
    """One element per line, so that a difference is readable."""
    return str(draw(SAMPLES[name])).replace("><", ">\n<") + "\n"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for sample in SAMPLES:
        golden_path(sample).write_text(golden_text(sample), encoding="utf-8")
