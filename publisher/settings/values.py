"""Kinds of values: what a single setting must hold to be one of them, and its usual form."""

import codecs
import re
from datetime import date, datetime, time
from functools import cache
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from publisher.domain.addresses import parse_address
from publisher.errors import InvalidAddress
from publisher.settings.nearest import did_you_mean

_PLAIN_URL = re.compile(
    r"https?://(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:\d+)?(/[\w%!$&()*+,;=:@~./-]*)?",
    re.ASCII | re.IGNORECASE,
)
"""Letters that may stand in a header field, an attribute and a link of a plain text alike."""

_zones = cache(available_timezones)  # it walks through a thousand files


def _zone(name: str) -> str:
    if name not in _zones():
        hint = did_you_mean(name, _zones())
        raise ValueError(f"unknown time zone {name!r}{hint}")
    return name


def _optional_zone(name: str) -> str:
    return _zone(name) if name else ""


def _encoding(name: str) -> str:
    try:
        "".encode(name or "utf-8")  # base64 and the like are codecs too, and none of text
        return codecs.lookup(name).name if name else ""
    except LookupError:
        raise ValueError(f"unknown encoding {name!r}; write one such as gb18030") from None


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://letters.example.org")
    port = f":{parts.port}" if parts.port else ""  # raises for one that there cannot be
    if not host.isascii():
        parts = parts._replace(netloc=_ascii_host(host) + port)
    url = parts.geturl()
    if not url.isascii():
        raise ValueError("may have no letter beyond ASCII in its path: mails could not link there")
    if not _PLAIN_URL.fullmatch(url):
        raise ValueError(
            "must be an address such as https://letters.example.org, "
            "without blanks, quotes, user name or password"
        )
    return url.rstrip("/")


def _ascii_host(host: str) -> str:
    """As browsers write it on the wire (UTS 46): what requests and header fields can hold."""
    import idna  # noqa: PLC0415 - its tables are large, and few hosts want them

    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError(f"{host!r} is no host name; write its ASCII form, xn--…") from None


def _optional_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc):
        raise ValueError("must be an address such as https://hub.example.org/")
    return url


def _optional_https(url: str) -> str:
    if url and not _optional_url(url).startswith("https://"):
        raise ValueError("must begin with https://")
    return url


def _address(text: str) -> str:
    try:
        return parse_address(text).text
    except InvalidAddress as error:
        raise ValueError(error.problem) from None


def _optional_address(text: str) -> str:
    return _address(text) if text else ""


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"{text!r} is no network such as 10.0.0.0/8 or 2001:db8::/32") from None


def _one_line(text: str) -> str:
    if any(not c.isprintable() for c in text):
        raise ValueError("must be one line without control characters")
    return text


def _moment(start: datetime | date) -> datetime | date:
    if not 1900 <= start.year < 9999:  # a zone's offset may lead out of what there is
        raise ValueError("must be from 1900 on; leave it out to begin with the first run")
    return start


def _local_time(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("must be a time of day without offset; timezone says where it is")
    return at


def _ping_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError("must be an address such as https://ping.example.org/abc")
    return url


_MOST = 1_000_000_000
"""The largest number of a limit: more than anybody needs, and every database can count to it."""

LocalTime = Annotated[time, AfterValidator(_local_time)]
Zone = Annotated[str, AfterValidator(_zone)]
OptionalZone = Annotated[str, AfterValidator(_optional_zone)]
Line = Annotated[str, AfterValidator(_one_line)]
Address = Annotated[str, AfterValidator(_address)]
OptionalAddress = Annotated[str, AfterValidator(_optional_address)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Encoding = Annotated[str, AfterValidator(_encoding)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
OptionalUrl = Annotated[str, AfterValidator(_optional_url)]
OptionalHttps = Annotated[str, AfterValidator(_optional_https)]
PingUrl = Annotated[str, AfterValidator(_ping_url)]
Network = Annotated[str, AfterValidator(_network)]
Moment = Annotated[datetime | date, AfterValidator(_moment)]
Limit = Annotated[int, Field(ge=0, le=_MOST)]
