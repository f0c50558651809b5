"""Small drawings beside a score: where it lies between its bounds and thresholds, and how it was before."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 160.0, 18.0
SPARK_WIDTH, SPARK_HEIGHT = 92.0, 22.0
FEW = 2
"""Fewer earlier values than this make no history."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The bounds between which values lie."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Where `value` lies, 0 to 1; what is outside stays at the end."""
        width = self.high - self.low
        return min(1.0, max(0.0, (value - self.low) / width)) if width > 0 else 0.0


def scale_of(low: float | None, high: float | None, values: Sequence[float]) -> Scale:
    """The column's bounds; where it has none, the largest of `values` and a little more."""
    bottom = 0.0 if low is None else low
    return Scale(bottom, high if high is not None else max([bottom + 1.0, *values]) * 1.1)


def gauge(value: float, thresholds: Sequence[float], scale: Scale, *, tone: str) -> Markup:
    """A bar up to `value` with a tick at each threshold; `tone` is bad, warn or quiet. Its text stands beside it."""
    ticks = Markup("").join(
        Markup('<line class="tick" x1="{0}" x2="{0}" y1="1" y2="17"/>').format(f"{scale.share(one) * WIDTH:.1f}")
        for one in thresholds
    )
    return Markup(
        '<svg class="gauge {}" viewBox="0 0 {} {}" aria-hidden="true" preserveAspectRatio="none">'
        '<rect class="track" x="0" y="6" width="{}" height="6" rx="3"/>'
        '<rect class="fill" x="0" y="6" width="{}" height="6" rx="3"/>{}</svg>'
    ).format(tone, f"{WIDTH:g}", f"{HEIGHT:g}", f"{WIDTH:g}", f"{max(2.0, scale.share(value) * WIDTH):.1f}", ticks)


def history(values: Sequence[float], current: float, thresholds: Sequence[float], scale: Scale) -> Markup:
    """Earlier values as dots, oldest first, then the current one larger; "" when there are too few."""
    if len(values) < FEW:
        return Markup("")
    step = (SPARK_WIDTH - 8) / len(values)
    placed = ((3 + index * step, scale.share(value)) for index, value in enumerate(values))
    dots = Markup("").join(_dot(x, share, 1.6, "then") for x, share in placed)
    lines = Markup("").join(
        Markup('<line class="tick" x1="0" x2="{}" y1="{y}" y2="{y}"/>').format(
            f"{SPARK_WIDTH:g}", y=f"{_height(scale.share(one)):.1f}"
        )
        for one in thresholds
    )
    told = f"{len(values)} earlier posts of the author: {min(values):.3g} to {max(values):.3g}"
    return Markup('<svg class="history" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>').format(
        f"{SPARK_WIDTH:g}",
        f"{SPARK_HEIGHT:g}",
        told,
        lines,
        dots,
        _dot(SPARK_WIDTH - 4, scale.share(current), 3.0, "now"),
    )


def _dot(x: float, share: float, radius: float, name: str) -> Markup:
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{}"/>').format(
        name, f"{x:.1f}", f"{_height(share):.1f}", f"{radius:g}"
    )


def _height(share: float) -> float:
    return SPARK_HEIGHT - 3 - share * (SPARK_HEIGHT - 6)
