"""The operator's pages, in the language of `[operator]`. Commands and reasons keep their English.

Texts from outside (replies of relays, subjects) are shown with their unseen characters spelt out,
cut, and escaped.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from publisher.domain.controls import possible
from publisher.domain.deliveries import Delivery
from publisher.domain.sites import Site
from publisher.render import charts
from publisher.render.catalogues import Table, page_words
from publisher.render.charts import Plot
from publisher.render.pages import page, visible
from publisher.render.templates import Templates


def login(templates: Templates, site: Site, *, language: str, is_refused: bool) -> bytes:
    """The form of name, password and code, and whether the last attempt was refused."""
    return page(templates, "admin_login", site, language=language, is_refused=is_refused)


def first(templates: Templates, site: Site, *, language: str, token: str, problem: str) -> bytes:
    """The form that makes the first operator, and why the last attempt will not do."""
    return page(templates, "admin_first", site, language=language, token=token, problem=problem)


def dashboard(
    templates: Templates, site: Site, *, language: str, plots: Sequence[Plot], **values: object
) -> bytes:
    """The first screen; `values` are what the template `admin.html` names."""
    words, _ = page_words(templates, language)
    drawn = [_drawn(_worded(plot, words["operator"])) for plot in plots]
    return page(
        templates,
        "admin",
        site,
        language=language,
        local=_local_in(site.zone),
        possible=possible,
        visible=visible,
        notes=words["operator"]["notes"],
        plots=drawn,
        **values,
    )


def troubled(rows: Sequence[Delivery]) -> list[dict[str, object]]:
    """Deliveries that want attention, their words made harmless."""
    return [
        {
            "issue": row.issue,
            "address": visible(row.address),
            "status": row.status.value,
            "words": visible(" ".join(filter(None, (row.reason, row.reply)))),
        }
        for row in rows
    ]


def _worded(plot: Plot, words: Table) -> Plot:
    """The plot with the names that people read."""
    named = [(words["series"].get(name, name), values) for name, values in plot.series]
    labels = [words["labels"].get(label, label) for label in plot.labels]
    return replace(plot, title=words["titles"][plot.key], labels=labels, series=named)


def _drawn(plot: Plot) -> dict[str, object]:
    """A plot with its drawing, its legend and its table."""
    return {
        "key": plot.key,
        "title": plot.title,
        "about": plot.about,
        "is_empty": plot.is_empty,
        # Every text in the drawing was escaped where it was put in.
        "svg": Markup("" if plot.is_empty else charts.svg(plot)),  # noqa: S704
        "legend": [name for name, _ in plot.series],
        "rows": charts.csv_rows(plot),
    }


def _local_in(zone: ZoneInfo) -> object:
    def local(instant: datetime | None) -> str:
        return f"{instant.astimezone(zone):%a %Y-%m-%d %H:%M %Z}" if instant else ""

    return local
