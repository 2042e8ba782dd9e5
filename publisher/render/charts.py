"""Plots as SVG: no script, no style of their own, so that the strictest content policy fits.

Each mark has a title that a pointer or a screen reader finds; colours are classes of the pages'
style sheet, so that light and dark follow it. The numbers stand in a table beside each plot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 12, 28
_LABELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What a plot shows: one name and one row of numbers for each of `labels`, a series a row.

    `kind` is `line` or `bars` (stacked). Series have the same length as `labels`. `title` and the
    names of the series are for people where the plot is drawn, and keys before. `about`: what it
    is of, where the title does not say.
    """

    key: str
    kind: str
    labels: Sequence[str]
    series: Sequence[tuple[str, Sequence[float]]]
    title: str = ""
    about: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw yet."""
        return not self.labels or not any(any(values) for _, values in self.series)


def svg(plot: Plot) -> str:
    """The drawing; markup that is safe as it is."""
    top = _round_up(_highest(plot))
    draw = _lines if plot.kind == "line" else _bars
    parts = [*_grid(top), *draw(plot, top), *_names(plot.labels)]
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(plot.title)}">{"".join(parts)}</svg>'
    )


def csv_rows(plot: Plot) -> list[list[str]]:
    """The numbers as rows of a table, the headings first."""
    rows = [["", *(name for name, _ in plot.series)]]
    for place, label in enumerate(plot.labels):
        rows.append([label, *(_number(values[place]) for _, values in plot.series)])
    return rows


def _lines(plot: Plot, top: float) -> list[str]:
    parts = []
    for index, (name, values) in enumerate(plot.series):
        points = [
            (_middle(place, len(values)), _y(value, top)) for place, value in enumerate(values)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="line s{index}" points="{path}"/>')
        for (x, y), label, value in zip(points, plot.labels, values, strict=True):
            title = escape(f"{label}: {name} {_number(value)}")
            parts.append(
                f'<circle class="dot s{index}" cx="{x:.1f}" cy="{y:.1f}" r="2">'
                f"<title>{title}</title></circle>"
            )
    return parts


def _bars(plot: Plot, top: float) -> list[str]:
    count = len(plot.labels)
    width = min(48.0, (WIDTH - _LEFT - _RIGHT) / max(count, 1) * 0.7)
    parts = []
    for place, label in enumerate(plot.labels):
        left = _LEFT + (place + 0.5) * (WIDTH - _LEFT - _RIGHT) / count - width / 2
        below = 0.0
        for index, (name, values) in enumerate(plot.series):
            value = values[place]
            if value:
                y, base = _y(below + value, top), _y(below, top)
                title = escape(f"{label}: {name} {_number(value)}")
                parts.append(
                    f'<rect class="bar s{index}" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" '
                    f'height="{base - y:.1f}"><title>{title}</title></rect>'
                )
            below += value
    return parts


def _grid(top: float) -> list[str]:
    parts = []
    for step in range(5):
        value = top * step / 4
        y = _y(value, top)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">'
            f"{_number(value)}</text>"
        )
    return parts


def _names(labels: Sequence[str]) -> list[str]:
    step = max(1, -(-len(labels) // _LABELS))
    return [
        f'<text class="tick" x="{_middle(place, len(labels)):.1f}" y="{HEIGHT - 8}" '
        f'text-anchor="middle">{escape(label)}</text>'
        for place, label in enumerate(labels)
        if place % step == 0
    ]


def _highest(plot: Plot) -> float:
    if plot.kind == "line":
        return max((max(values, default=0) for _, values in plot.series), default=0)
    columns = zip(*(values for _, values in plot.series), strict=True)
    return max((sum(column) for column in columns), default=0)


def _round_up(value: float) -> float:
    """The next number that four even steps divide well."""
    if value <= 4:
        return 4.0
    magnitude = 10.0 ** (len(str(int(value))) - 1)
    return next(
        m * magnitude for m in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if m * magnitude >= value
    )


def _middle(place: int, count: int) -> float:
    return _LEFT + (place + 0.5) * (WIDTH - _LEFT - _RIGHT) / max(count, 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * value / top, 1)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
