"""What the daemon says on stderr: events with keys, as text, JSON or journal lines.

`log.info("issue.sent", extra={"issue": 7, "newsletter": "weekly"})`: the event is a fixed
`noun.past_verb`, the data are keys. Control characters are spelt out, so that no input can forge
a line. E-mail addresses are logged at DEBUG only; above it an id says enough.
"""

import json
import logging
from datetime import UTC, datetime
from typing import TextIO

FORMATS = ("text", "json", "journald")

# Each waking, each step of a migration, each SMTP command with its address: not at INFO.
_TALKATIVE = ("apscheduler", "alembic", "mail.log", "uvicorn", "watchfiles")

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}


def set_up(*, level: str, format: str, stream: TextIO) -> None:
    """Sends all log records to `stream`, in place of any earlier set-up.

    `format` is one of `FORMATS`; `auto` is text on a terminal, else JSON.
    """
    if format == "auto":
        format = "text" if stream.isatty() else "json"
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_FORMATTERS[format]())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def keys_of(record: logging.LogRecord) -> dict[str, object]:
    """What was given as `extra`."""
    return {key: value for key, value in vars(record).items() if key not in _OWN}


class TextFormatter(logging.Formatter):
    """`2026-11-24T08:00:00Z INFO issue.sent issue=7 newsletter=weekly`."""

    def format(self, record: logging.LogRecord) -> str:
        keys = " ".join(f"{key}={_quoted(value)}" for key, value in keys_of(record).items())
        line = f"{_instant(record)} {record.levelname} {_one_line(record.getMessage())} {keys}"
        return line.rstrip() + self._trace(record)

    def _trace(self, record: logging.LogRecord) -> str:
        return "\n" + self.formatException(record.exc_info) if record.exc_info else ""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, event, then the keys."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "time": _instant(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **keys_of(record),
        }
        if record.exc_info:
            document["trace"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


class JournalFormatter(TextFormatter):
    """Text behind a priority that systemd's journal understands; the journal knows the time."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{_PRIORITIES.get(record.levelname, 6)}>"
        line = super().format(record).partition(" ")[2]
        return "\n".join(priority + part for part in line.split("\n"))


_FORMATTERS: dict[str, type[logging.Formatter]] = {
    "text": TextFormatter,
    "json": JsonFormatter,
    "journald": JournalFormatter,
}


def _instant(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _quoted(value: object) -> str:
    text = _one_line(str(value))
    return json.dumps(text, ensure_ascii=False) if " " in text or '"' in text or not text else text


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
