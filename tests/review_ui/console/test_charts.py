import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    Size,
    Sparkline,
    StackedBars,
    Unit,
    draw,
)
from tests.review_ui.console.chart_samples import MONDAY, SAMPLES, golden_path, golden_text

STYLE_SHEET = Path(__file__).resolve().parents[3] / "review_ui/static/console/charts.css"
HOSTILE = "</title><script>alert('1')</script> \"&\x00\x1b\ud800\u202e\n\ufffe"

times = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
time_columns = st.lists(times, max_size=12, unique=True).map(lambda given: tuple(sorted(given)))
texts = st.text(st.characters(), max_size=60)
units = st.sampled_from(Unit)
sizes = st.sampled_from(Size)
values = st.none() | st.floats() | st.integers(-(10**6), 10**6).map(float)
counts = st.none() | st.just(math.nan) | st.floats(min_value=0)
references = st.lists(st.builds(Reference, st.floats(), texts), max_size=3).map(tuple)
bounds = st.none() | st.floats(-1e6, 1e6)
heading = {"id": st.just("chart"), "title": texts, "unit": units}
page = {**heading, "note": texts, "size": sizes}


def series(
    length: int, numbers: st.SearchStrategy[float | None], least: int = 0
) -> st.SearchStrategy[tuple[Series, ...]]:
    column = st.lists(numbers, min_size=length, max_size=length).map(tuple)
    return st.lists(st.builds(Series, texts, column), min_size=least, max_size=8).map(tuple)


line_charts = time_columns.flatmap(
    lambda column: st.builds(
        LineChart,
        times=st.just(column),
        series=series(len(column), values),
        low=bounds,
        high=bounds,
        filled=st.booleans(),
        references=references,
        **page,
    )
)
stacks = time_columns.flatmap(
    lambda column: st.builds(StackedBars, times=st.just(column), series=series(len(column), counts), **page)
)
bars = st.lists(st.builds(Bar, texts, counts, texts), max_size=8).map(tuple)
dots = st.lists(st.builds(Dot, texts, values, values, values, texts), max_size=8).map(tuple)
charts = st.one_of(
    line_charts,
    stacks,
    st.builds(HorizontalBars, bars=bars, references=references, **page),
    st.builds(DotPlot, dots=dots, low=st.floats(), high=st.floats(), references=references, **page),
    st.builds(Sparkline, title=texts, values=st.lists(values, max_size=20).map(tuple), unit=units),
    st.builds(Meter, used=counts, budget=counts, noun=texts, **heading),
)


def parsed(chart: Chart) -> ET.Element:
    """The chart's tree; fails unless it is well-formed XML that can be sent as UTF-8."""
    return ET.fromstring(draw(chart).encode())


def texts_of(tree: ET.Element) -> str:
    return " ".join(" ".join(tree.itertext()).split())


# Every chart, whatever it is given.


@given(charts)
def test_anything_gives_well_formed_markup_with_finite_places(chart: Chart) -> None:
    for node in parsed(chart).iter():
        assert node.tag not in {"script", "style"}
        for name, value in node.attrib.items():
            assert name != "style"
            assert not name.startswith("on")
            if name in {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "d", "viewBox"}:
                assert "nan" not in value
                assert "inf" not in value


@given(charts)
def test_every_box_has_a_size_and_stays_in_the_drawing(chart: Chart) -> None:
    tree = parsed(chart)
    drawing = tree if tree.tag == "svg" else tree.find("svg")
    if drawing is None:
        return
    _, _, width, height = map(float, drawing.attrib["viewBox"].split())
    for node in drawing.findall("rect"):
        x, y, w, h = (float(node.attrib.get(name, 0)) for name in ("x", "y", "width", "height"))
        assert w >= 0
        assert h >= 0
        assert x >= -0.01
        assert y >= -0.01
        assert x + w <= width + 0.02
        assert y + h <= height + 0.02


@given(charts)
def test_identifiers_are_unique_and_every_reference_to_one_is_met(chart: Chart) -> None:
    tree = parsed(chart)
    names = [node.attrib["id"] for node in tree.iter() if "id" in node.attrib]
    assert len(names) == len(set(names))
    markup = str(draw(chart))
    used = re.findall(r"url\(#([^)]+)\)", markup) + re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', markup)
    assert set(used) <= set(names)


@pytest.mark.parametrize("name", SAMPLES)
def test_hostile_text_stays_text(name: str) -> None:
    column = (MONDAY,)
    hostile: dict[str, Chart] = {
        "line": LineChart(
            id="c", title=HOSTILE, note=HOSTILE, times=column, series=(Series(HOSTILE, (1.0,)), Series(HOSTILE, (2.0,)))
        ),
        "stacked": StackedBars(id="c", title=HOSTILE, note=HOSTILE, times=column, series=(Series(HOSTILE, (1.0,)),)),
        "horizontal": HorizontalBars(
            id="c", title=HOSTILE, bars=(Bar(HOSTILE, 1.0, HOSTILE),), references=(Reference(1.0, HOSTILE),)
        ),
        "dots": DotPlot(
            id="c", title=HOSTILE, dots=(Dot(HOSTILE, 1.0, note=HOSTILE), Dot(HOSTILE, None, note=HOSTILE))
        ),
        "sparkline": Sparkline(title=HOSTILE, values=(1.0, 2.0)),
        "meter": Meter(id="c", title=HOSTILE, used=1.0, budget=2.0, noun=HOSTILE),
    }
    markup = str(draw(hostile[name]))
    assert "<script" not in markup
    assert "\u202e" not in markup
    assert "</title><script>" in texts_of(parsed(hostile[name]))


# What each kind says.


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_of_each_kind_is_drawn_as_before(name: str) -> None:
    assert golden_text(name) == golden_path(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_drawing_is_an_image_with_a_name_and_a_description(name: str) -> None:
    tree = parsed(SAMPLES[name])
    drawing = tree if tree.tag == "svg" else tree.find("svg")
    assert drawing is not None
    assert drawing.attrib["role"] == "img"
    assert drawing.findtext("title") == SAMPLES[name].title
    assert drawing.findtext("desc")


@pytest.mark.parametrize(
    "chart",
    [
        LineChart(id="c", title="Age", times=(), series=()),
        LineChart(id="c", title="Age", times=(MONDAY,), series=(Series("a", (None,)), Series("b", (math.nan,)))),
        StackedBars(id="c", title="Age", times=(), series=(Series("a", ()),)),
        StackedBars(id="c", title="Age", times=(MONDAY,), series=()),
        HorizontalBars(id="c", title="Age", bars=(Bar("a", None),)),
        DotPlot(id="c", title="Age", dots=()),
        Meter(id="c", title="Age", used=None, budget=3.0),
    ],
)
def test_without_a_value_a_chart_says_so_and_draws_nothing(chart: Chart) -> None:
    tree = parsed(chart)
    assert tree.find("svg") is None
    assert texts_of(tree) == "Age No data yet"


def test_an_empty_sparkline_is_a_dash_with_words() -> None:
    tree = parsed(Sparkline(title="Age", values=(None,)))
    assert (tree.tag, tree.attrib["aria-label"]) == ("span", "Age: no data yet")


def test_a_gap_breaks_the_line_and_a_lonely_point_is_still_seen() -> None:
    column = tuple(MONDAY + timedelta(hours=hour) for hour in range(6))
    chart = LineChart(id="c", title="t", times=column, series=(Series("a", (1.0, 2.0, None, 3.0, None, 4.0)),))
    drawing = parsed(chart).find("svg")
    assert drawing is not None
    [line] = [node.attrib["d"] for node in drawing.findall("path") if "c-line" in node.attrib["class"]]
    assert line.count("M") == 1
    assert sum("c-mark" in node.attrib["class"] for node in drawing.findall("path")) == 4


def test_every_number_of_a_chart_is_in_its_table() -> None:
    table = parsed(SAMPLES["stacked"]).find("details")
    assert table is not None
    rows = [[" ".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
    assert rows[0] == ["From", "approve", "hold", "reject", "Total"]
    assert rows[1] == ["2 Mar 2026 00:00 UTC", "820", "120", "40", "980"]
    assert rows[4] == ["5 Mar 2026 00:00 UTC", "not known", "not known", "not known", "not known"]


def test_labels_of_bars_tell_the_last_one_or_all_together() -> None:
    parts = (Series("approve", (3.0, None, 4.0)), Series("hold", (1.0, None, 0.0)))
    column = tuple(MONDAY + timedelta(days=day) for day in range(3))
    last = StackedBars(id="c", title="t", times=column, series=parts)
    told = {sums: " ".join(parsed(replace(last, sums=sums)).itertext()) for sums in (False, True)}
    assert "Last bar: approve 4, hold 0." in told[False]
    assert "Altogether: approve 7, hold 1." in told[True]


def test_times_can_be_rewritten_for_the_readers_zone() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    column = tuple(datetime(2026, 3, 2, 5, 30, tzinfo=east) + timedelta(hours=hour) for hour in range(4))
    tree = parsed(LineChart(id="c", title="t", times=column, series=(Series("a", (1.0, 2.0, 3.0, 4.0)),)))
    found = {
        node.attrib["data-time"]: (node.text, node.attrib["data-time-format"])
        for node in tree.iter("text")
        if "data-time" in node.attrib
    }
    assert found["2026-03-02T00:00:00+00:00"] == ("2 Mar", "day")
    assert found["2026-03-02T01:00:00+00:00"] == ("01:00", "minute")


@pytest.mark.parametrize(("hours", "tooltips"), [(400, 400), (401, 0)])
def test_a_long_line_has_no_tooltips_that_nobody_could_hit(hours: int, tooltips: int) -> None:
    column = tuple(MONDAY + timedelta(hours=hour) for hour in range(hours))
    tree = parsed(LineChart(id="c", title="t", times=column, series=(Series("a", (1.0,) * hours),)))
    assert sum(node.attrib.get("class") == "c-hit" for node in tree.iter("rect")) == tooltips


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (timedelta(minutes=4), "00:01"),
        (timedelta(hours=20), "03:00"),
        (timedelta(days=6), "3 Mar"),
        (timedelta(days=200), "Apr 2026"),
        (timedelta(days=4000), "2028"),
    ],
)
def test_ticks_are_at_round_times_of_the_span(span: timedelta, written: str) -> None:
    tree = parsed(LineChart(id="c", title="t", times=(MONDAY, MONDAY + span), series=(Series("a", (1.0, 2.0)),)))
    labels = [node.text for node in tree.iter("text") if "data-time" in node.attrib]
    assert written in labels
    assert 2 <= len(labels) <= 9


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [
        (Unit.COUNT, 9999.0, "9,999"),
        (Unit.COUNT, 12_345.0, "12.3k"),
        (Unit.COUNT, 2.5e6, "2.5M"),
        (Unit.COUNT, 3e20, "3.0e20"),
        (Unit.SHARE, 0.125, "12.5%"),
        (Unit.SECONDS, 59.7, "1 min"),
        (Unit.SECONDS, 5400.0, "1 h 30 min"),
        (Unit.SECONDS, 277_200.0, "3 d 5 h"),
        (Unit.SECONDS, 0.4, "0.4 s"),
        (Unit.NUMBER, 0.7, "0.70"),
    ],
)
def test_values_are_written_as_people_say_them(unit: Unit, value: float, written: str) -> None:
    tree = parsed(HorizontalBars(id="c", title="t", bars=(Bar("a", value),), unit=unit))
    [text] = [node.text for node in tree.iter("tspan") if node.attrib["class"] == "c-value"]
    assert text == written


def test_labels_at_the_ends_of_lines_never_cover_each_other() -> None:
    lines = tuple(Series(f"queue {number}", (1.0, 1.0)) for number in range(10))
    tree = parsed(LineChart(id="c", title="t", times=(MONDAY, MONDAY + timedelta(hours=1)), series=lines))
    heights = sorted(float(node.attrib["y"]) for node in tree.iter("text") if node.attrib["class"] == "c-end-label")
    assert len(heights) == 10
    assert min(later - earlier for earlier, later in pairwise(heights)) >= 16.9


def test_names_of_references_that_stand_close_are_on_lines_of_their_own() -> None:
    tree = parsed(SAMPLES["dots"])
    heights = [node.attrib["y"] for node in tree.iter("text") if node.attrib["class"] == "c-reference-label"]
    assert len(set(heights)) == 2


@pytest.mark.parametrize(
    ("used", "budget", "words"),
    [
        (10.0, 40.0, "10 of 40 pictures 25%"),
        (32.0, 40.0, "32 of 40 pictures 80%, near the end"),
        (50.0, 40.0, "50 of 40 pictures 125%, over the budget"),
        (3.0, 0.0, "No budget is set"),
    ],
)
def test_a_meter_says_in_words_how_far_the_budget_is_used(used: float, budget: float, words: str) -> None:
    tree = parsed(Meter(id="c", title="Exposure", used=used, budget=budget, noun="pictures"))
    shown = " ".join("".join(node.itertext()) for node in tree.iter() if node.tag in {"text", "p"})
    assert shown == words


def test_every_class_that_is_drawn_has_a_style() -> None:
    sheet = STYLE_SHEET.read_text(encoding="utf-8")
    drawn = {
        name
        for chart in SAMPLES.values()
        for node in parsed(chart).iter()
        for name in node.attrib.get("class", "").split()
    }
    unstyled = {name for name in drawn if not re.search(rf"\.{name}(?![\w-])", sheet)}
    assert unstyled <= {"c-end-label", "c-row-label", "c-row-text", "chart-full", "chart-meter"}


# What only a mistake would ask for.


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"id": "Not an id"}, "id is lower-case"),
        ({"times": (datetime(2026, 1, 1),)}, "need a zone"),  # noqa: DTZ001 - the point of the case
        ({"times": (MONDAY, MONDAY), "series": ()}, "must rise"),
        ({"series": (Series("a", (1.0, 2.0)),)}, "2 values for 1 times"),
        ({"series": (Series("a", (-1.0,)),)}, "negative"),
    ],
)
def test_a_mistaken_chart_is_refused(wrong: dict[str, object], reason: str) -> None:
    right: dict[str, object] = {"id": "c", "title": "t", "times": (MONDAY,), "series": (Series("a", (1.0,)),)}
    with pytest.raises(ValueError, match=reason):
        StackedBars(**(right | wrong))  # type: ignore[arg-type]
