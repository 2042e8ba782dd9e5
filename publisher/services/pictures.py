"""What the files of posts' pictures tell: how large they are."""

from collections.abc import Iterable
from pathlib import Path

import imagesize

from publisher.domain.posts import Post
from publisher.render.mail_html import Size


def sizes(posts: Iterable[Post]) -> dict[str, Size]:
    """URL -> pixels of every picture whose file lies beside its post and can be read."""
    found = {}
    for post in posts:
        for asset in post.assets:
            size = _size(Path(asset.source))
            if size:
                found[asset.url] = size
    return found


def _size(path: Path) -> Size | None:
    try:
        width, height = imagesize.get(path)
    except (OSError, ValueError):
        return None
    return Size(width, height) if width > 0 and height > 0 else None
