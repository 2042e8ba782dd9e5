"""What lies in the output folder, served as it lies there.

Serving is a look-up: the bytes, a media type by name, and a validator made of the bytes alone, so
that rebuilding the same content never makes a reader fetch it again.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from starlette.responses import Response

from publisher.domain.feeds import FEED_FILES
from publisher.errors import NotFound
from publisher.render.pages import FEED_TYPES

_FEEDS = {file: FEED_TYPES[kind] for kind, file in FEED_FILES.items()}
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".txt": "text/plain",
    ".xml": "application/xml",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".ico": "image/x-icon",
    ".pdf": "application/pdf",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
_TEXTUAL = re.compile(r"text/.*|application/(.*\+)?(xml|json)|image/svg\+xml")
_LISTED_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_ENCODING_SUFFIX = re.compile(r"[-;](gzip|br)$")


def respond(folder: Path, path: str, if_none_match: Sequence[str]) -> Response:
    """The answer to GET or HEAD of `path`, 304 where one of the validators still holds.

    There are no ranges and no Last-Modified: a file's time says nothing of its content. Raises
    `NotFound`.
    """
    target, data = read(folder, path)
    digest = sha256(data).hexdigest()
    headers = _headers(target.name, digest)
    if any(matches(value, digest) for value in if_none_match):
        return Response(status_code=304, headers=headers)
    # Starlette adds a charset to text/* by itself.
    return Response(data, headers=headers, media_type=media_type(target.name))


def read(folder: Path, path: str) -> tuple[Path, bytes]:
    """The file that a URL path names below `folder`; of a folder its `index.html`.

    Symbolic links are followed first and judged afterwards: nothing outside `folder` is ever
    read. Raises `NotFound`, for hidden files too (a half-written one begins with a dot).
    """
    try:
        root = folder.resolve()
        target = (root / path.lstrip("/")).resolve()
        if target.is_dir():
            target = (target / "index.html").resolve()
        elif path.endswith("/"):
            raise NotFound("page", path)
        inside = target.relative_to(root)
        if any(part.startswith(".") and part != ".well-known" for part in inside.parts):
            raise NotFound("page", path)
        return target, target.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # missing, outside, NUL, link loop
        raise NotFound("page", path) from error


def media_type(name: str) -> str:
    """The media type of a file name; the three feeds have their own."""
    kind = _FEEDS.get(name) or _TYPES.get(Path(name).suffix.lower(), "application/octet-stream")
    return f"{kind}; charset=utf-8" if _TEXTUAL.fullmatch(kind) else kind


def matches(if_none_match: str, digest: str) -> bool:
    """Whether an If-None-Match names these bytes (RFC 9110, section 13.1.2: weak comparison).

    Proxies that compress turn `"x"` into `W/"x"` or `"x-gzip"`, and both come back.
    """
    if if_none_match.strip() == "*":
        return True
    tags = _LISTED_TAG.findall(if_none_match)
    return any(_ENCODING_SUFFIX.sub("", tag) == digest for tag in tags)


def _headers(name: str, digest: str) -> dict[str, str]:
    """Those that a 304 repeats (RFC 9110, section 15.4.5); feeds may be read from any page."""
    headers = {"ETag": f'"{digest}"', "Vary": "Accept-Encoding"}
    if name in _FEEDS:
        return headers | {
            "Cache-Control": "public, max-age=900",
            "Access-Control-Allow-Origin": "*",
        }
    return headers | {"Cache-Control": "public, max-age=300"}
