import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from moderation.evaluation.pictures import picture_figures
from moderation.reporting.evaluation.picture_report import picture_report
from moderation.reporting.evaluation.text_report import text_report
from tests.reporting.evaluation import samples
from tests.reporting.evaluation.samples import FEW, HOSTILE

PAGES = {
    "texts": text_report("text-harm", "cd" * 32, [samples.section(), samples.section(HOSTILE, harmful=False)]),
    "labelled pictures": picture_report(picture_figures(samples.pictures(labels=True), FEW)),
    "unlabelled pictures": picture_report(picture_figures(samples.pictures(labels=False), FEW)),
}
VOID = {"meta"}


class Reader(HTMLParser):
    """Checks that every element is closed where it was opened, and collects what could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in {"src", "style", "srcset"}, name
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "xlink:href"}:
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_whole_and_loads_and_runs_nothing(kind: str) -> None:
    reader = Reader()
    reader.feed(PAGES[kind])
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
    assert "<script" not in PAGES[kind]
    assert "url(" not in PAGES[kind]
    assert "default-src &#39;none&#39;" in PAGES[kind]


@pytest.mark.parametrize("kind", ["texts", "labelled pictures", "unlabelled pictures"])
def test_names_from_outside_stay_text(kind: str) -> None:
    assert "&lt;script&gt;alert(1)" in PAGES[kind]


def test_numbers_stay_finite() -> None:
    for page in PAGES.values():
        assert not re.search(r"\b(nan|inf)\b", page)


def test_curves_stand_where_there_are_labels_only() -> None:
    assert "precision and recall" in PAGES["labelled pictures"]
    assert "reliability" not in PAGES["unlabelled pictures"]
    assert "labels unknown" in PAGES["unlabelled pictures"]


def test_dotted_lines_are_called_what_they_are() -> None:
    assert "threshold at which posts are held" in PAGES["texts"]
    for kind in ("labelled pictures", "unlabelled pictures"):
        assert "recommended threshold</span>" in PAGES[kind]
        assert "posts are held" not in PAGES[kind]


def test_every_kind_of_figure_is_on_the_page_of_texts() -> None:
    page = PAGES["texts"]
    for words in (
        "average precision",
        "calibration error",
        "recall kept",
        "names: muslim",
        "term lists",
        "reliability",
    ):
        assert words in page


def test_slices_stand_together_by_kind() -> None:
    rows = re.findall(r"<tbody>(.*?)</tbody>", PAGES["texts"])
    names = [re.findall(r'<th scope="row">(\w[^:<]*):', part) for part in rows]
    kinds = [set(found) for found in names if found]
    assert {"names", "length"} <= set().union(*kinds)
    assert all(len(found) == 1 for found in kinds)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_narrow_and_a_wide_window(browser: Browser, tmp_path: Path, scheme: str) -> None:
    file = tmp_path / "report.html"
    file.write_text(PAGES["texts"], encoding="utf-8")
    for width in (700, 1280, 1920):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))  # noqa: B023 - used up within the round
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width
        overlaps = page.evaluate(
            """() => [...document.querySelectorAll('svg.plot')].some(svg => {
                const names = [...svg.querySelectorAll('.axis')].map(node => node.getBoundingClientRect());
                const ticks = [...svg.querySelectorAll('.tick')].map(node => node.getBoundingClientRect());
                return names.some(a => ticks.some(b =>
                    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1));
            })"""
        )
        assert not overlaps
        assert said == []
        context.close()
