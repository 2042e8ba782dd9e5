"""The content folder as a library of posts with lasting ids."""

from dataclasses import replace
from datetime import datetime

from publisher.content import loader
from publisher.domain.posts import Library, each_id_once, settle_ids
from publisher.services.app import App
from publisher.store import posts as rows


def read(app: App, *, now: datetime) -> Library:
    """The library as of `now`. Writes nothing: ids not yet known are those that would be given."""
    library = loader.load(app.content, now=now)
    kept, copies = each_id_once(library.posts)
    with app.store.read() as tx:
        known = rows.known(tx)
    failed = sorted((*library.failed, *copies), key=lambda item: item.path)
    return replace(library, posts=tuple(settle_ids(kept, known)), failed=tuple(failed))


def load(app: App, *, now: datetime) -> Library:
    """The library as of `now`, its ids kept for good (a later rename changes none of them)."""
    library = read(app, now=now)
    with app.store.begin() as tx:
        rows.remember(tx, library.posts, now=now)
    return library
