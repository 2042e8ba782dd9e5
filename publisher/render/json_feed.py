"""JSON Feed 1.1 (jsonfeed.org/version/1.1).

Each entry is written once, alone, and kept for the other feeds that hold it; the pieces joined are
what the standard library writes of the whole.
"""

import json
from datetime import datetime
from functools import lru_cache

from publisher.domain.feeds import Entry, Feed
from publisher.render.cleaning import clean, content_of

_KEPT = 512


def json_feed(feed: Feed) -> bytes:
    """The feed as one JSON document in UTF-8, its keys in a fixed order, with a final line end."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": clean(feed.title),
        "home_page_url": feed.home_url,
        "feed_url": feed.urls["json"],
        "description": clean(feed.description),
        "next_url": feed.previous.get("json", ""),
        "language": feed.language,
        "authors": [{"name": clean(feed.author.name)}],
        "hubs": [{"type": "WebSub", "url": feed.hub}] if feed.hub else [],
    }
    whole = _written({key: value for key, value in document.items() if value})
    items = ",\n".join(_item(entry, feed.language) for entry in feed.entries)
    listed = f"[\n{items}\n ]" if items else "[]"
    head = whole.removesuffix("\n}")
    return f'{head},\n "items": {listed}\n}}\n'.encode()


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


@lru_cache(maxsize=_KEPT)
def _item(entry: Entry, language: str) -> str:
    """One entry as it stands in the list of a feed in that language."""
    item: dict[str, object] = {
        "id": entry.id,
        "url": entry.url,
        "title": clean(entry.title) or entry.url,
        "content_html": content_of(entry),
        "summary": clean(entry.summary),
        "image": entry.image.url if entry.image else "",
        "date_published": _rfc3339(entry.published),
        "date_modified": _rfc3339(entry.updated),
        "authors": [{"name": clean(name)} for name in entry.authors],
        "tags": [*filter(None, map(clean, entry.labels))],
        "attachments": _attachments(entry),
        "language": entry.language if entry.language != language else "",
    }
    # content_html must be there, though it may be empty; of the rest nothing is said in vain.
    told = {key: value for key, value in item.items() if value or key == "content_html"}
    return "  " + _written(told).replace("\n", "\n  ")  # no text has a line end of its own


def _attachments(entry: Entry) -> list[dict[str, object]]:
    media = entry.media
    if media is None:
        return []
    attachment = {
        "url": media.url,
        "mime_type": media.type,
        "size_in_bytes": media.length,
        "duration_in_seconds": media.seconds,
    }
    return [{key: value for key, value in attachment.items() if value}]


def _rfc3339(instant: datetime) -> str:
    return instant.isoformat(timespec="auto")
