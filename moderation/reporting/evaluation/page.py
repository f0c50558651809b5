"""The parts of a report's page: one file, no script, nothing from outside, readable without colour."""

from collections.abc import Collection, Iterable, Sequence

from markupsafe import Markup

from moderation.evaluation.metrics import Estimate
from moderation.reporting.evaluation.style import STYLE
from moderation.reporting.evaluation.svg import element, join

DASH = "\N{EN DASH}"
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page may load nothing and run nothing, whatever a data set's texts say."""


def page(title: str, intro: Sequence[str], sections: Sequence[tuple[str, str, Markup]]) -> str:
    """A whole page; `sections` are (id, heading, contents)."""
    head = join(
        [
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup('<meta http-equiv="Content-Security-Policy" content="{}">').format(POLICY),
            element("title", title),
            element("style", Markup(STYLE)),  # noqa: S704 - our own constant
        ]
    )
    links = [element("li", element("a", heading, href=f"#{name}")) for name, heading, _ in sections]
    contents = element("nav", element("ul", *links), aria_label="Sets") if len(sections) > 1 else Markup("")
    header = element("header", element("h1", title), *(element("p", line, class_="muted") for line in intro), contents)
    parts = [element("section", element("h2", heading), body, id=name) for name, heading, body in sections]
    body = element("body", element("main", header, *parts))
    return str(Markup("<!DOCTYPE html>\n") + element("html", element("head", head), body, lang="en")) + "\n"


def tiles(entries: Iterable[tuple[str, Estimate, str]]) -> Markup:
    """Large shares: (what, value, what it is a share of)."""
    parts = []
    for name, value, of in entries:
        note = " \N{MIDDLE DOT} ".join(part for part in (between(value), of) if part)
        parts.append(element("div", element("dt", name), element("dd", percent(value), element("small", note))))
    return element("dl", *parts, class_="tiles")


def table(
    caption: str, head: Sequence[str], *groups: Iterable[Sequence[str]], words: Collection[str] = frozenset()
) -> Markup:
    """A table that scrolls sideways where it must; each row begins with what it is about.

    Groups of rows stand apart from each other. Columns in `words`, by their heads, are no numbers.
    """
    kinds = ["words" if name in words else None for name in head]
    named = [element("th", name, scope="col", class_=kind) for name, kind in zip(head, kinds, strict=True)]
    bodies = [
        element(
            "tbody",
            *(
                element(
                    "tr",
                    element("th", row[0], scope="row"),
                    *(element("td", cell, class_=kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)),
                )
                for row in rows
            ),
        )
        for rows in groups
    ]
    inner = element("table", element("thead", element("tr", *named)), *bodies)
    return element("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def figure(caption: str, drawing: Markup | None) -> Markup:
    """A chart with its caption; nothing where there is no chart."""
    return Markup("") if drawing is None else element("figure", element("figcaption", caption), drawing)


def ranked(value: Estimate) -> Markup:
    """`0.912` with its interval beside it."""
    if value.value is None:
        return Markup(DASH)  # noqa: S704 - a constant
    told = "" if value.low is None or value.high is None else f" {value.low:.3f} to {value.high:.3f}"
    return join([f"{value.value:.3f}", element("small", told)])


def share(value: Estimate) -> Markup:
    """`91.2 %` with its interval beside it."""
    if value.value is None:
        return Markup(DASH)  # noqa: S704 - a constant
    return join([percent(value), element("small", f" {between(value)}")])


def percent(value: Estimate) -> str:
    """`91.2 %`."""
    return DASH if value.value is None else f"{value.value * 100:.1f} %"


def between(value: Estimate) -> str:
    """`89.0 to 93.1`, in percent."""
    return "" if value.low is None or value.high is None else f"{value.low * 100:.1f} to {value.high * 100:.1f}"
