"""What lies in the output folder, served as it lies there.

Serving is a look-up. What was once found out of a file - its digest, when its bytes first appeared,
the encoded forms beside it - is kept until the file is another one, so that the usual question
of a feed reader, whether anything is new, costs one `stat` and no byte is read.
"""

import os
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from publisher.domain.documents import (
    ENCODINGS,
    Condition,
    choose_encoding,
    entity_tag,
    holds,
    http_date,
)
from publisher.domain.feeds import MAIN_FILES, OTHER_FILES
from publisher.errors import NotFound
from publisher.render.pages import FEED_TYPES
from publisher.services import documents
from publisher.services.app import App
from publisher.services.makers import PAGE_SECONDS
from publisher.web.security import SCRIPTED_PAGE_POLICY

_TRIES = 3

KEPT = 4096
"""How many files are remembered, those asked for last."""

LONGEST_PATH = 4096
"""No disk has a longer one, and each folder of it would be looked for."""

QUESTIONS = 256
"""How many ways of asking are: a header may have 64 kB, and whoever likes can send others."""

_FEEDS = {file: kind for names in (MAIN_FILES, OTHER_FILES) for kind, file in names.items()}
_SCRIPTED = "feeds/index.html"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
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
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
_TEXTUAL = re.compile(r"text/.*|application/(.*\+)?(xml|json)|image/svg\+xml")


Stamp = tuple[int, int, int]
"""What tells a file from the one that took its place: number, size, time."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of one file.

    `stamps` and `headers` have a key for each encoding that there is (empty = identity, always).
    `headers` are those of a 304.
    """

    target: str
    digest: str
    modified_at: datetime | None
    stamps: dict[str, Stamp]
    headers: dict[str, list[tuple[bytes, bytes]]]
    media_type: str

    def is_current(self) -> bool:
        """Whether the file is still the one that was examined."""
        try:
            return self.stamps[""] == _stamp(os.stat(self.target))
        except OSError:
            return False


class PublicPath(Convertor[str]):
    """The part of a route that matches the path of any feed or page: no other route ends so.

    A post may live at `/p/hello.html`, beside the preferences at `/p/{token}`.
    """

    regex = rf"(?:.+/)?(?:{'|'.join(re.escape(file) for file in sorted(_FEEDS))}|[^/]*\.html?)?"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


@dataclass
class Static:
    """The ASGI application that answers for every path that no route has."""

    app: App
    _held: OrderedDict[str, Held] = field(default_factory=OrderedDict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path_params"]["path"]
        held = self._held.get(path)
        if held is None or not held.is_current():
            found = await run_in_threadpool(self._look, path)
            if isinstance(found, Response):
                await found(scope, receive, send)
                return
            held = self._keep(path, found)
        accepted, condition = _asked(scope)
        encoding = _encoding(accepted, tuple(held.headers))
        if _holds(condition, held.digest, held.modified_at):
            start = {"status": 304, "headers": held.headers[encoding].copy()}
            await send({"type": "http.response.start", **start})
            await send({"type": "http.response.body"})
            return
        response = await run_in_threadpool(self._whole, path, held, encoding)
        await response(scope, receive, send)

    def _keep(self, path: str, held: Held) -> Held:
        self._held[path] = held
        self._held.move_to_end(path)
        if len(self._held) > KEPT:
            self._held.popitem(last=False)
        return held

    def _look(self, path: str) -> Held | Response:
        """The file at a path, or the answer where there is none. Raises `NotFound`, `Gone`."""
        if len(path) > LONGEST_PATH:
            raise NotFound("page", path[:LONGEST_PATH])
        try:
            target = locate(self.app.folders.output, path)
        except NotFound:
            place = documents.missing(self.app, path)
            url = place if "://" in place else self.app.site.link(quote(place))
            return RedirectResponse(url, 301, {"Cache-Control": f"public, max-age={PAGE_SECONDS}"})
        return examine(self.app, target)

    def _whole(self, path: str, held: Held, encoding: str) -> Response:
        """The file in one encoding, the validators always those of the bytes that are sent."""
        for _ in range(_TRIES):
            stamp, data = _read(held.target + ENCODINGS.get(encoding, ""))
            if stamp == held.stamps[encoding]:
                break
            held = examine(self.app, Path(held.target))  # replaced in this very moment
            encoding = encoding if encoding in held.headers else ""
        else:
            raise NotFound("page", path)
        response = Response(data, media_type=held.media_type)
        response.raw_headers.extend(held.headers[encoding])
        if encoding:
            response.raw_headers.append((b"content-encoding", encoding.encode()))
        return response


def locate(folder: Path, path: str) -> Path:
    """The file that a URL path names below `folder`; of a folder its `index.html`.

    Symbolic links are followed first and judged afterwards: nothing outside `folder` is ever
    found. Raises `NotFound`, for hidden files too (a half-written one begins with a dot).
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
        if not target.is_file():
            raise NotFound("page", path)
        return target
    except (OSError, ValueError, RuntimeError) as error:  # missing, outside, NUL, link loop
        raise NotFound("page", path) from error


def examine(app: App, target: Path) -> Held:
    """Reads a file once and finds out all that its answers need. Raises `NotFound`.

    Only what the build published has a Last-Modified: a file's own time says nothing of its
    content. An encoded form counts if it decodes to the very bytes.
    """
    stamp, data = _read(target)
    path = target.relative_to(app.folders.output.resolve()).as_posix()
    digest = sha256(data).hexdigest()
    row = documents.find(app, path)
    if row is not None and row.digest != digest:
        row = None
    modified_at = row.modified_at if row else None
    common = _headers(app, path, modified_at, row.max_age if row else PAGE_SECONDS)
    stamps = {"": stamp, **_packed_forms(target, data)}
    return Held(
        target=str(target),
        digest=digest,
        modified_at=modified_at,
        stamps=stamps,
        headers={
            encoding: [(b"etag", entity_tag(digest, encoding).encode()), *common]
            for encoding in stamps
        },
        media_type=media_type(target.name, as_xml=app.feeds.media_type == "xml"),
    )


def media_type(name: str, *, as_xml: bool = False) -> str:
    """The media type of a file name; feeds have their own, `as_xml` that of any XML."""
    kind = _FEEDS.get(name)
    if kind in {"rss", "atom"} and as_xml:
        return "application/xml; charset=utf-8"
    suffix = Path(name).suffix.lower()
    found = FEED_TYPES[kind] if kind else _TYPES.get(suffix, "application/octet-stream")
    return f"{found}; charset=utf-8" if _TEXTUAL.fullmatch(found) else found


def _headers(
    app: App, path: str, modified_at: datetime | None, max_age: int
) -> list[tuple[bytes, bytes]]:
    """Those that a 304 repeats (RFC 9110, section 15.4.5); feeds may be read from any page."""
    headers = {"vary": "Accept-Encoding", "cache-control": f"public, max-age={max_age}"}
    if modified_at:
        headers["last-modified"] = http_date(modified_at)
    if Path(path).name in _FEEDS:
        headers["access-control-allow-origin"] = "*"
        if app.feeds.hub and not path.startswith("archives/"):
            own = app.site.link(quote(path))
            headers["link"] = f'<{app.feeds.hub}>; rel="hub", <{own}>; rel="self"'
    if path == _SCRIPTED:
        headers["content-security-policy"] = SCRIPTED_PAGE_POLICY
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _asked(scope: Scope) -> tuple[tuple[str, ...], Condition]:
    """The lines of Accept-Encoding, and what the client says it has."""
    accepted, tags, since = [], [], ""
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            accepted.append(value.decode("latin-1"))
        elif name == b"if-none-match":
            tags.append(value.decode("latin-1"))
        elif name == b"if-modified-since":
            since = since or value.decode("latin-1")
    return tuple(accepted), Condition(if_none_match=tuple(tags), if_modified_since=since)


@lru_cache(maxsize=QUESTIONS)
def _encoding(accepted: tuple[str, ...], available: tuple[str, ...]) -> str:
    """Readers ask in the same few ways."""
    return choose_encoding(accepted, available)


@lru_cache(maxsize=QUESTIONS)
def _holds(condition: Condition, digest: str, modified_at: datetime | None) -> bool:
    """A reader that polls asks the same question until something is new."""
    return holds(condition, digest=digest, modified_at=modified_at)


def _packed_forms(target: Path, data: bytes) -> dict[str, Stamp]:
    """The encoded forms beside a file that decode to its bytes."""
    found = {}
    for encoding, ending in ENCODINGS.items():
        try:
            stamp, packed = _read(f"{target}{ending}")
        except NotFound:
            continue
        if documents.unpack(encoding, packed) == data:
            found[encoding] = stamp
    return found


def _read(path: str | Path) -> tuple[Stamp, bytes]:
    try:
        with open(path, "rb") as file:
            return _stamp(os.fstat(file.fileno())), file.read()
    except OSError as error:
        raise NotFound("page", os.path.basename(path)) from error


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns
