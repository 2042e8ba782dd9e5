"""What readers are like, as numbers to plot: how often, which topics and languages, and how far
those came who asked."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from publisher.domain.newsletters import Newsletter
from publisher.render.charts import Plot
from publisher.services import statistics
from publisher.services.app import App

FUNNEL_DAYS = 90


def _frequencies(app: App, _now: datetime) -> Plot:
    """Readers by how often they get it, the newsletter's own frequency first."""
    counts = {
        each.id: {
            chosen.value if chosen else "own": number
            for chosen, number in statistics.by_frequency(app, each.id).items()
        }
        for each in app.newsletters
        if each.frequencies
    }
    return _by_newsletter("frequencies", counts)


def _topics(app: App, _now: datetime) -> Plot:
    """Readers by topic; who chose several is counted under each."""
    counts = _lists(app, statistics.by_topic, lambda newsletter: newsletter.topics)
    return _by_newsletter("topics", counts)


def _post_languages(app: App, _now: datetime) -> Plot:
    """Readers by the languages of posts that they want."""
    counts = _lists(app, statistics.by_language_of_posts, lambda newsletter: newsletter.languages)
    return _by_newsletter("post-languages", counts)


def _languages(app: App, _now: datetime) -> Plot:
    """Readers by the language that we write to them in."""
    counts = {each.id: statistics.by_language(app, each.id) for each in app.newsletters}
    return _by_newsletter("languages", counts)


def _funnel(app: App, now: datetime) -> Plot:
    """From asking to receiving, for each newsletter."""
    since = now - timedelta(days=FUNNEL_DAYS)
    found = {each.id: statistics.funnel(app, each.id, since=since) for each in app.newsletters}
    return Plot(
        key="funnel",
        kind="bars",
        labels=["requested", "mailed", "confirmed"],
        series=[
            (name, [float(one.requested), float(one.mailed), float(one.confirmed)])
            for name, one in found.items()
        ],
    )


PLOTS: dict[str, Callable[[App, datetime], Plot]] = {
    "funnel": _funnel,
    "frequencies": _frequencies,
    "topics": _topics,
    "post-languages": _post_languages,
    "languages": _languages,
}
"""The plots by key, in the order of the page."""


def _lists(
    app: App,
    count: Callable[[App, str], dict[str, int]],
    offer: Callable[[Newsletter], tuple[str, ...]],
) -> dict[str, dict[str, int]]:
    return {
        each.id: {name or "all": number for name, number in count(app, each.id).items()}
        for each in app.newsletters
        if offer(each)
    }


def _by_newsletter(key: str, counts: Mapping[str, Mapping[str, int]]) -> Plot:
    """A column for each choice that there is, stacked by newsletter."""
    labels = list(dict.fromkeys(name for one in counts.values() for name in one))
    return Plot(
        key=key,
        kind="bars",
        labels=labels,
        series=[
            (newsletter, [float(one.get(name, 0)) for name in labels])
            for newsletter, one in counts.items()
        ],
    )
