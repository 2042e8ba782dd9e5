"""Dates as people write them in front matter. Nothing is guessed and nothing rolls over.

Two days a month and a zone apart are how old posts end up mailed again: a text without a year,
with day and month in doubt, or with a day that does not exist, is no date.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from dateutil import parser

_DAY = r"(?P<year>\d{4})(?:[-/.]|年)\s?(?P<month>\d{1,2})(?:[-/.]|月)\s?(?P<day>\d{1,2})日?"
_CLOCK = (
    r"(?P<hour>\d{1,2}):0?(?P<minute>\d{1,2})"
    r"(?::0?(?P<second>\d{1,2})(?:[.,]\d+|:\d+)?)?(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_ZONE = r"(?P<zone>Z|z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?"
# A stray year stands behind the clock in dates that `date` printed: 18:30:22 2023 -0800.
_DATE = re.compile(rf"{_DAY}(?:(?:\s*[T,]\s*|\s+){_CLOCK})?(?:\s+\d{{4}}(?=\s|$))?\s*{_ZONE}")
_BRACKETED = re.compile(r"\([^()]*\)$")
_NAMED_ZONE = re.compile(r"\s+(?!UTC\b|GMT\b|AM\b|PM\b)([A-Z]{2,5})$")
_FILE_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?=[-.]|$)")
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
_DEFAULTS = tuple(
    datetime(year, day, day, tzinfo=UTC).replace(tzinfo=None)
    for year, day in ((2000, 1), (2001, 2))
)
_LONGEST = 60
_EARLIEST, _LATEST = 1900, 9000


def parse_date(text: str, zone: tzinfo) -> datetime | None:
    """The instant that a text names, in `zone`, where a text without an offset is at home.

    None: no date.
    Whole seconds; a fraction is dropped. `24:00` is the next day's midnight. Thirteen digits are
    milliseconds of the epoch, ten are seconds, eight are a day.
    """
    text = text.strip()
    if len(text) > 2 * _LONGEST:
        return None
    text = _NAMED_ZONE.sub("", _BRACKETED.sub("", text).rstrip())
    text = re.sub(r"(?:GMT|UTC)(?=[+-]\d)", "", text)
    if len(text) > _LONGEST:
        return None
    try:
        found = _by_digits(text, zone) if text.isdecimal() else _by_grammar(text, zone)
    except (ValueError, ArithmeticError):  # dateutil reckons in Decimal too
        return None
    if found is None or not _EARLIEST <= found.year <= _LATEST:
        return None
    # By way of UTC: a clock that is put forward never shows some times, and a cache keeps instants.
    return found.astimezone(UTC).astimezone(zone)


def zone_without_meaning(text: str) -> str:
    """A zone's initials that we do not read, such as CST (there are three); else empty."""
    found = _NAMED_ZONE.search(text.strip())
    return found[1] if found else ""


def is_naive(text: str) -> bool:
    """Whether a date in the usual form has a clock with seconds and no zone."""
    found = _DATE.fullmatch(text.strip())
    return found is not None and found["second"] is not None and found["zone"] is None


def date_of_name(name: str, zone: tzinfo) -> datetime | None:
    """The date that a file name begins with (`2025-10-11-title.md`); None where it has none."""
    match = _FILE_DATE.match(name)
    return parse_date("-".join(match.groups()), zone) if match else None


def _by_digits(text: str, zone: tzinfo) -> datetime | None:
    match len(text):
        case 13:
            return datetime.fromtimestamp(int(text) // 1000, zone)
        case 10:
            return datetime.fromtimestamp(int(text), zone)
        case 8 if found := _COMPACT.fullmatch(text):
            return datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=zone)
        case _:
            return None


def _by_grammar(text: str, zone: tzinfo) -> datetime | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return _by_dateutil(text, zone)
    year, month, day, hour, minute, second = (
        int(found[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"] in "pP" else 0)
    next_day = (hour, minute, second) == (24, 0, 0)
    if next_day:
        hour = 0
    instant = datetime(
        year, month, day, hour, minute, second, tzinfo=_offset(found["zone"]) or zone
    )
    return instant + timedelta(days=next_day)


def _by_dateutil(text: str, zone: tzinfo) -> datetime | None:
    """English month names and the like; refused where a part would be guessed."""
    if not re.search(r"[A-Za-z]{3}", text) or not re.search(r"\d{4}", text):
        return None
    readings = {
        parser.parse(text, default=default, dayfirst=dayfirst, tzinfos=_fixed).replace(
            microsecond=0
        )
        for default in _DEFAULTS
        for dayfirst in (False, True)
    }
    if len(readings) != 1:
        return None
    found = readings.pop()
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _fixed(_name: str | None, seconds: int | None) -> tzinfo | None:
    """The offset that a text names, wherever it stands in it; never the zone of this machine."""
    return None if seconds is None else timezone(timedelta(seconds=seconds))


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text.upper() in {"Z", "UTC", "GMT"}:
        return UTC
    digits = text[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if text[0] == "-" else offset)
