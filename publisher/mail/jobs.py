"""What the engine is given to do, and by whom: `mail` never sees the database.

take() ──▶ a job            the next message for a relay, or None
intend(job)                 make durable that its final dot may go out; then `granted`
settle(job, verdict)        what became of it
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from publisher.domain.replies import Verdict
from publisher.mail.relays import Pipelining, Relay

_FORBIDDEN = re.compile(r"[\x00-\x20<>\x7f-\xa0\u2028\u2029\ud800-\udfff]")
_NO_ENDS = bytes(set(range(256)) - set(b"\r\n"))
_TO_BE_HEX = re.compile(r"[^!-*,-<>-~]")


@dataclass(slots=True, eq=False, kw_only=True)
class Job:
    """One message for one recipient, ready for the wire.

    `delivery` and `issue` are the numbers of the rows; `wire` is the message with its dots
    doubled, its last line ended, without the final dot. `envelope_id` names the delivery in
    reports that come back (RFC 3461), empty = not told.
    """

    delivery: int
    issue: int
    sender: str
    recipient: str
    wire: bytes
    envelope_id: str = ""
    is_ascii: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_ascii = self.wire.isascii()


Granted = Callable[[Job, bool], None]
"""Told once whether the intent of a job is durable; False: do not send, hang up."""


class Desk(Protocol):
    """Who hands out jobs and keeps the books. Called on the engine's loop; must not block."""

    def take(self, relay: Relay) -> Job | None:
        """The next job for this relay; None if there is none just now."""

    def ready(self, relay: Relay) -> int:
        """How many jobs for this relay could be taken now."""

    def intend(self, job: Job, relay: Relay, granted: Granted) -> None:
        """Records that the final dot may go out; `granted` is called later, on the loop."""

    def settle(self, job: Job, relay: Relay, verdict: Verdict) -> None:
        """Records what became of a job."""

    def is_done(self, relay: Relay) -> bool:
        """Whether nothing more will come for this relay in this run."""

    def learn(
        self,
        relay: Relay,
        *,
        per_connection: int | None = None,
        pipelining: Pipelining | None = None,
    ) -> None:
        """What the relay has taught us, to be remembered."""

    def give_up(
        self, relay: Relay, problem: str, *, pause: bool, rest_seconds: float = 0.0
    ) -> None:
        """The relay cannot be used now, for so long at least.

        `pause` means until an operator has looked.
        """


def transparent(message: bytes) -> bytes:
    """The message as it goes over the line, dots doubled (RFC 5321, section 4.5.2).

    Raises `ValueError` for a bare CR or LF: some relays take it for an end of line, and then
    text could end the message and start another.
    """
    ends = message.translate(None, _NO_ENDS)
    if len(ends) != 2 * message.count(b"\r\n"):
        raise ValueError("the lines of a message must be ended by CRLF and nothing else")
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") if b"\r\n." in message else message


def check_path(path: str) -> None:
    """Raises `ValueError` for an envelope address that must never be sent. Empty is allowed."""
    if _FORBIDDEN.search(path):
        raise ValueError(f"not an envelope address: {path!r}")


def xtext(value: str) -> str:
    """A value inside an ESMTP parameter (RFC 3461, section 4): `+` and `=` as hexadecimal."""
    return _TO_BE_HEX.sub(lambda found: f"+{ord(found[0]):02X}", value)
