import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.core.html import Markup
from edge.monitor.web.charts import Bar, ChartLine, HeatRow, bars, distribution, heat_map, lines
from edge.monitor.web.charts.figure import Caption
from edge.monitor.web.charts.lines import Threshold, ceiling

CAPTION = Caption("key", "<Light> & co", "What is 'seen'.", "lux")
HOUR_NS = 3600 * 10**9
START_NS = 1_767_323_045 * 10**9


def parsed(markup: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def all_charts(value: float = 0.5) -> list[Markup]:
    times = [START_NS + place * HOUR_NS for place in range(4)]
    points = [(time, value) for time in times]
    return [
        lines(
            CAPTION,
            [ChartLine("a<b", points, marked=frozenset(times[:1])), ChartLine("c", points, "b")],
            Threshold("at least", 0.1),
        ),
        heat_map(CAPTION, times, [HeatRow("<b>", [(value, True), (None, False), (0.0, False)], "#x")]),
        bars(CAPTION, [Bar("<i>", value, href="/x?a=1&b=2"), Bar("z", 0.0)]),
        distribution(CAPTION, ["<1", "2"], [value, 0.5], [0.5, value], ("low", "high")),
    ]


@pytest.mark.parametrize("chart", all_charts(), ids=["lines", "heat", "bars", "distribution"])
def test_a_chart_is_well_formed_and_has_a_name(chart: Markup) -> None:
    root = parsed(chart)
    drawing = root.find(".//svg[@role='img']")
    if drawing is not None:
        title, description = (root.find(f".//*[@id='{name}']") for name in drawing.get("aria-labelledby", "").split())
        assert title is not None and title.text == "<Light> & co"
        assert description is not None and description.text
    else:
        assert "<Light> & co" in root.find(".//ul").get("aria-label", "")


@pytest.mark.parametrize("chart", all_charts(), ids=["lines", "heat", "bars", "distribution"])
def test_the_policy_of_the_pages_holds_for_it(chart: Markup) -> None:
    assert not re.search(r"\bstyle=|<script|\bon[a-z]+=|javascript:", chart)


def test_the_numbers_stand_behind_the_lines() -> None:
    root = parsed(lines(CAPTION, [ChartLine("light", [(START_NS, 1.5), (START_NS + HOUR_NS, None)])]))
    assert [["".join(cell.itertext()) for cell in row][1:] for row in root.findall(".//tbody/tr")] == [["–"], ["1.5"]]


def test_a_gap_is_a_gap() -> None:
    points = [(START_NS, 1.0), (START_NS + 1, 2.0), (START_NS + 2, None), (START_NS + 3, 1.0)]
    root = parsed(lines(CAPTION, [ChartLine("light", points)]))
    drawn = [path.get("d", "") for path in root.iter("path") if "line" in path.get("class", "")]
    assert [path.count("L") for path in drawn] == [1, 0]


def test_drift_is_marked_by_more_than_a_shade() -> None:
    times = [START_NS, START_NS + HOUR_NS, START_NS + 2 * HOUR_NS]
    root = parsed(heat_map(CAPTION, times, [HeatRow("light", [(0.5, True), (0.5, False)])]))
    assert len([path for path in root.iter("path") if "marked" in path.get("class", "")]) == 1
    assert [row.findall("*")[1].text for row in root.findall(".//tbody/tr")] == ["0.5", "0.5 drifted"]


def test_darker_is_more() -> None:
    times = [START_NS + place for place in range(4)]
    root = parsed(heat_map(CAPTION, times, [HeatRow("light", [(0.0, False), (0.12, False), (1.0, False)])]))
    assert [rect.get("class") for rect in root.iter("rect")] == ["h0", "h2", "h8"]


@pytest.mark.parametrize("chart", [lines(CAPTION, []), heat_map(CAPTION, [], []), bars(CAPTION, [])])
def test_without_data_it_says_so(chart: Markup) -> None:
    text = " ".join(parsed(chart).itertext())
    assert re.search("Nothing yet|No windows|None", text)


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.one_of(st.none(), st.floats()))))
def test_whatever_a_device_says_can_be_drawn(points: list[tuple[int, float | None]]) -> None:
    parsed(lines(CAPTION, [ChartLine("light", points)]))


@given(st.floats(1e-300, 1e299))
def test_the_scale_ends_at_a_round_number_above(value: float) -> None:
    top = ceiling(value)
    assert value * 0.999 <= top <= value * 10.001


@given(st.floats(allow_nan=True, allow_infinity=True))
@example(5e-324)
def test_any_number_has_a_scale(value: float) -> None:
    assert 0 < ceiling(value) < float("inf")
