from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from publisher.render.charts import HEIGHT, WIDTH, Plot, csv_rows, svg

NUMBERS = st.floats(0, 1e7, allow_nan=False)


def make_plot(kind: str, rows: list[tuple[str, float, float]]) -> Plot:
    return Plot(
        key="k",
        title='A <title> & "more"',
        kind=kind,
        labels=[label for label, _, _ in rows],
        series=[("one", [one for _, one, _ in rows]), ("two", [two for _, _, two in rows])],
    )


@given(
    st.sampled_from(["line", "bars"]),
    st.lists(st.tuples(st.text("<>&\"'a-z ", max_size=9), NUMBERS, NUMBERS), min_size=1),
)
def test_whatever_is_drawn_is_well_formed_and_inside_the_frame(
    kind: str, rows: list[tuple[str, float, float]]
) -> None:
    root = ElementTree.fromstring(svg(make_plot(kind, rows)))
    for mark in root.iter():
        assert "style" not in mark.attrib
        for name, limit in (("x", WIDTH), ("cx", WIDTH), ("y", HEIGHT), ("cy", HEIGHT)):
            assert -0.1 <= float(mark.get(name, 0)) <= limit
        assert float(mark.get("height", 0)) >= -0.1


def test_each_mark_says_what_it_is() -> None:
    drawing = svg(make_plot("bars", [("W47", 12, 0), ("W48", 3, 1)]))
    assert drawing.count("<title>") == 3
    assert "<title>W48: two 1</title>" in drawing


def test_the_table_holds_every_number() -> None:
    assert csv_rows(make_plot("line", [("mon", 1200, 0.5), ("tue", 2, 0)])) == [
        ["", "one", "two"],
        ["mon", "1,200", "0.5"],
        ["tue", "2", "0"],
    ]


def test_a_year_of_days_stays_small() -> None:
    rows = [(f"day {day}", float(day), float(day % 7)) for day in range(366)]
    assert len(svg(make_plot("line", rows))) < 120_000
