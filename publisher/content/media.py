"""A recording that a post carries: what the front matter says, completed by the file itself."""

import re

from publisher.content.values import Fields, look_up, texts
from publisher.domain.posts import Media

KEYS = ("enclosure", "audio", "media", "video")
"""The keys of a recording, in their order: an address, or a map with the parts below."""

_PARTS = {
    "url": ("url", "file", "src", "path"),
    "type": ("type", "mime", "mime_type"),
    "length": ("length", "size", "bytes"),
    "duration": ("duration", "seconds"),
}

TYPES = {
    ".mp3": "audio/mpeg",
    ".m4a": "audio/x-m4a",
    ".aac": "audio/aac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".mp4": "video/mp4",
    ".m4v": "video/x-m4v",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".epub": "application/epub+zip",
    ".pdf": "application/pdf",
}
"""Ending of a file name -> media type."""

_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{2})")


def read_media(fields: Fields) -> Media | None:
    """The recording that the fields name, its address as it is written; None for none.

    Without a type of its own, or an ending that tells one, there is none: feeds must say it.
    """
    for key in KEYS:
        url = _part(fields, key, "url") or _text(fields, key)
        if not url:
            continue
        path = url.partition("?")[0].partition("#")[0]
        kind = _part(fields, key, "type").lower()
        kind = kind if _MEDIA_TYPE.fullmatch(kind) else TYPES.get(_ending(path), "")
        if kind:
            return Media(
                url=url,
                type=kind,
                length=_number(_part(fields, key, "length")),
                seconds=_seconds(_part(fields, key, "duration") or _text(fields, "duration")),
            )
    return None


def _part(fields: Fields, key: str, part: str) -> str:
    return next((found for name in _PARTS[part] if (found := _text(fields, f"{key}.{name}"))), "")


def _text(fields: Fields, key: str) -> str:
    value = look_up(fields, key)
    return next(iter(texts(value)), "") if not isinstance(value, dict) else ""


def _ending(path: str) -> str:
    return path[path.rfind(".") :].lower()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _seconds(text: str) -> int:
    """`1:02:03`, `62:03` or plain seconds; 0 where it is none of these."""
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds
    return _number(text)
