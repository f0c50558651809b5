"""The charts of an evaluation's report. Each reads without colour: by shape, dash and filling."""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from moderation.evaluation.curves import histogram, precision_recall, reliability
from moderation.evaluation.metrics import Estimate, Judged
from moderation.reporting.evaluation.svg import Square, element, join, path

RADIUS = 4.0
CAP = 3.0
BAR_WIDTH, BAR_HEIGHT = 190.0, 16.0
LINES = frozenset({"line", "chance", "held"})
SMALL = 0.25
"""Labels of marks further left than this stand to their right."""
HIGH = 0.9
"""There is no room above marks that are higher than this."""


def precision_recall_chart(judged: Judged, marks: Mapping[str, tuple[float, float]]) -> Markup | None:
    """Precision over recall in steps; `marks` are operating points (recall, precision) by name. None without a curve.

    The area under it is the average precision. The dashed line is the precision of flagging everything.
    """
    curve = precision_recall(judged)
    if curve is None:
        return None
    plot, share = Square(), judged.positives / len(judged)
    points, reached = [(plot.x(0), plot.y(float(curve.precision[0])))], 0.0
    for recall, precision in zip(curve.recall.tolist(), curve.precision.tolist(), strict=True):
        if recall > reached:
            points += [(points[-1][0], plot.y(precision)), (plot.x(recall), plot.y(precision))]
            reached = recall
    parts = [
        plot.axes("recall", "precision"),
        path([(plot.x(0), plot.y(share)), (plot.x(1), plot.y(share))], "chance"),
        path(points, "line"),
        *(_label(plot, index, name, *place) for index, (name, place) in enumerate(marks.items())),
        *(_ring(plot, name, *place) for name, place in marks.items()),
    ]
    return plot.drawing(f"Precision over recall; flagging everything has precision {share:.2f}.", parts)


def reliability_chart(judged: Judged) -> Markup | None:
    """The observed share of harmful examples over the mean score, by bin, with Wilson's intervals."""
    bins = reliability(judged)
    if not bins:
        return None
    plot = Square()
    parts = [
        plot.axes("mean score", "harmful, observed"),
        path([(plot.x(0), plot.y(0)), (plot.x(1), plot.y(1))], "chance"),
    ]
    for each in bins:
        value, low, high = each.observed.value or 0.0, each.observed.low or 0.0, each.observed.high or 0.0
        x = plot.x(each.mean_score)
        told = f"{each.low:.2f} to {each.high:.2f}: {each.observed.successes} of {each.observed.trials} harmful"
        parts += [
            _whisker(x, plot.y(low), plot.y(high)),
            element("circle", element("title", told), class_="dot", cx=x, cy=plot.y(value), r=RADIUS),
        ]
    return plot.drawing("Observed share of harmful examples by mean score; the dashed line is perfect.", parts)


def histogram_chart(judged: Judged, thresholds: Mapping[str, float]) -> Markup | None:
    """How scores spread: harmful upwards and filled, harmless downwards and outlined, thresholds dashed.

    Bars are shares of their kind on a square-root scale, which keeps small shares visible.
    """
    if not len(judged):
        return None
    plot, counts = Square(), histogram(judged)
    middle, half = plot.y(0.5), (plot.y(0) - plot.y(1)) / 2
    parts = [plot.named("score", "harmless - harmful")]
    for kind, sign, values in (("harmful", -1, counts.harmful), ("harmless", 1, counts.harmless)):
        total = float(values.sum())
        for index, count in enumerate(values.tolist()):
            if not count:
                continue
            size = math.sqrt(count / total) * half
            left, right = plot.x(float(counts.edges[index])), plot.x(float(counts.edges[index + 1]))
            told = f"{counts.edges[index]:.2f} to {counts.edges[index + 1]:.2f}: {count:.0f} {kind}"
            top = middle - size if sign < 0 else middle
            box = {"x": left + 1, "y": top, "width": right - left - 2, "height": size}
            parts.append(element("rect", element("title", told), class_=f"bar-{kind}", **box))
    parts.append(path([(plot.x(0), middle), (plot.x(1), middle)], "zero"))
    ticks = ((plot.x(tick), f"{tick:g}") for tick in (0, 0.5, 1))
    parts += [element("text", text, class_="tick", x=x, y=plot.y(0) + 14, text_anchor="middle") for x, text in ticks]
    for name, value in thresholds.items():
        x = plot.x(min(value, 1.0))
        parts.append(
            element(
                "line", element("title", f"{name}: {value:.3f}"), class_="held", x1=x, x2=x, y1=plot.y(1), y2=plot.y(0)
            )
        )
    return plot.drawing("Spread of scores: harmful upwards, harmless downwards, square-root scale.", parts)


def interval_bar(value: Estimate, limit: float | None = None) -> Markup:
    """A share 0 to 1 with its interval, to stand in a table's cell; `limit` is a dashed line not to be passed."""
    if value.value is None:
        return Markup("")
    width = BAR_WIDTH - 2 * RADIUS
    middle = BAR_HEIGHT / 2

    def x(share: float) -> float:
        return RADIUS + share * width

    parts = [element("line", class_="track", x1=x(0), x2=x(1), y1=middle, y2=middle)]
    if limit is not None:
        parts.append(element("line", class_="held", x1=x(limit), x2=x(limit), y1=0, y2=BAR_HEIGHT))
    if value.low is not None and value.high is not None:
        parts.append(_across(x(value.low), x(value.high), middle))
    parts.append(element("circle", class_="dot", cx=x(value.value), cy=middle, r=RADIUS))
    return element("svg", *parts, class_="interval", viewBox=f"0 0 {BAR_WIDTH:g} {BAR_HEIGHT:g}", aria_hidden="true")


def legend_of(threshold: str) -> tuple[tuple[str, str], ...]:
    """The marks of the charts above; `threshold` says what the dotted lines are."""
    return (
        ("line", "measured"),
        ("chance", "flagging everything; perfect calibration"),
        ("dot", "with its 95 % interval"),
        ("held", threshold),
        ("bar-harmful", "harmful"),
        ("bar-harmless", "harmless"),
    )


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """What a chart's marks mean: (class of the sample, words)."""
    items = []
    for kind, words in entries:
        if kind in LINES:
            sample = element("line", class_=kind, x1=1, x2=23, y1=6, y2=6)
        elif kind == "dot":
            sample = join([_across(2, 22, 6), element("circle", class_="dot", cx=12, cy=6, r=RADIUS)])
        else:
            sample = element("rect", class_=kind, x=3, y=1, width=18, height=10)
        items.append(element("span", element("svg", sample, viewBox="0 0 24 12", class_="sample"), words))
    return element("p", *items, class_="legend")


def _ring(plot: Square, name: str, recall: float, precision: float) -> Markup:
    told = element("title", f"{name}: recall {recall:.3f}, precision {precision:.3f}")
    return element("circle", told, class_="ring", cx=plot.x(recall), cy=plot.y(precision), r=RADIUS + 1)


def _label(plot: Square, index: int, name: str, recall: float, precision: float) -> Markup:
    """A mark's name below its ring, every second one above where there is room: marks may stand close together."""
    right = recall < SMALL
    above = index % 2 == 1 and precision < HIGH
    x = plot.x(recall) + (9 if right else -9)
    y = plot.y(precision) + (-10 if above else 17)
    return element("text", name, class_="label", x=x, y=y, text_anchor="start" if right else "end")


def _whisker(x: float, low: float, high: float) -> Markup:
    caps = f"M{x - CAP:.2f} {low:.2f}h{2 * CAP}M{x - CAP:.2f} {high:.2f}h{2 * CAP}M{x:.2f} {low:.2f}V{high:.2f}"
    return element("path", class_="whisker", d=caps)


def _across(low: float, high: float, y: float) -> Markup:
    caps = f"M{low:.2f} {y - CAP:.2f}v{2 * CAP}M{high:.2f} {y - CAP:.2f}v{2 * CAP}M{low:.2f} {y:.2f}H{high:.2f}"
    return element("path", class_="whisker", d=caps)
