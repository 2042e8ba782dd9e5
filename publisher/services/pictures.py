"""What the files of posts' pictures tell, and which of them travel inside a mail."""

from collections.abc import Iterable
from pathlib import Path, PurePath

import imagesize

from publisher.domain.posts import Post
from publisher.render.mail_html import Size
from publisher.render.messages import Embedded

_MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
}


def sizes(posts: Iterable[Post]) -> dict[str, Size]:
    """URL -> pixels of every picture whose file lies beside its post and can be read."""
    found = {}
    for post in posts:
        for asset in post.assets:
            size = _size(Path(asset.source))
            if size:
                found[asset.url] = size
    return found


def embedded(posts: Iterable[Post], html: str, *, limit: int) -> list[Embedded]:
    """The pictures that a rendered issue shows, to travel inside the mail.

    All or none: `limit` is in bytes, for all of them together. Formats that not every client
    shows stay outside. None where one cannot be read: clients then fetch them.
    """
    files = {asset.url: Path(asset.source) for post in posts for asset in post.assets}
    shown = [
        (url, path) for url, path in files.items() if f'src="{url}"' in html and _media_type(url)
    ]
    try:
        if not limit or sum(path.stat().st_size for _, path in shown) > limit:
            return []
        return [
            Embedded(url=url, media_type=_media_type(url), data=path.read_bytes())
            for url, path in shown
        ]
    except OSError:
        return []


def _media_type(url: str) -> str:
    return _MEDIA_TYPES.get(PurePath(url).suffix.lower(), "")


def _size(path: Path) -> Size | None:
    try:
        width, height = imagesize.get(path)
    except (OSError, ValueError):
        return None
    return Size(width, height) if width > 0 and height > 0 else None
