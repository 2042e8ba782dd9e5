"""Dates as people write them in front matter. Nothing is guessed and nothing rolls over."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_DATE = re.compile(
    r"(?P<year>\d{4})(?:[-/.]|年)(?P<month>\d{1,2})(?:[-/.]|月)(?P<day>\d{1,2})日?"
    r"(?:[T,\s]\s*(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.\d+)?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{1,2})?"
)
_FILE_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})-")


def parse_date(text: str, zone: tzinfo) -> datetime | None:
    """The instant that a text names, aware; without an offset it is in `zone`. None: no date.

    Whole seconds; a fraction is dropped. `24:00` is the next day's midnight.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    number = {name: int(match[name] or 0) for name in ("year", "month", "day")}
    clock = {name: int(match[name] or 0) for name in ("hour", "minute", "second")}
    next_day = clock == {"hour": 24, "minute": 0, "second": 0}
    try:
        instant = datetime(
            **number,
            **(dict.fromkeys(clock, 0) if next_day else clock),
            tzinfo=_offset(match["zone"]) or zone,
        )
    except ValueError:
        return None
    return instant + timedelta(days=next_day)


def date_of_name(name: str, zone: tzinfo) -> datetime | None:
    """The date that a file name begins with (`2025-10-11-title.md`); None where it has none."""
    match = _FILE_DATE.match(name)
    return parse_date("-".join(match.groups()), zone) if match else None


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text in {"Z", "UTC", "GMT"}:
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0") if len(text) > 3 else text[1:].zfill(2) + "00"
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
