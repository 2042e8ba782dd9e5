"""One session with a relay: hands over messages one at a time and says what became of each.

    connect → greeting → EHLO → TLS → AUTH      anything wrong: RelayError, nothing was sent
    MAIL → RCPT → DATA → body, without its dot  line lost: NotSent, certainly
    intend()                                    False: hangs up; without the dot nothing is sent
    final dot → reply                           line lost: Unconfirmed, the relay may have it

Waits are those of RFC 5321, section 4.5.3.2, unless the relay's own limit is lower.
"""

import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import TracebackType
from typing import Self

from publisher.domain.deliveries import NotSent, Outcome, Stage, Unconfirmed, classify
from publisher.errors import RelayError
from publisher.mail.replies import Answer, LineLost
from publisher.mail.wire import Wire

CONNECT_SECONDS = 30.0
COMMAND_SECONDS = 300.0
DATA_SECONDS = 120.0
BLOCK_SECONDS = 180.0
DOT_SECONDS = 600.0  # a shorter wait makes duplicates
QUIT_SECONDS = 5.0

_HINT = 'if it goes on, check port and security (465 wants "tls", 587 "starttls")'
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)


class Security(StrEnum):
    """How the line to a relay is protected."""

    NONE = "none"  # plain text; credentials only to this machine
    STARTTLS = "starttls"  # begins in plain text, TLS required
    TLS = "tls"  # TLS from the first byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """An SMTP server that we hand mail to. Without `username` there is no AUTH.

    `timeout_seconds` caps every single wait; below the default of ten minutes a slow answer to a
    final dot becomes `Unconfirmed`.
    """

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_seconds: float = DOT_SECONDS

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Connection:
    """One SMTP session; a context manager. Not for two threads at once.

    Raises `RelayError` if the relay cannot be reached, trusted or logged in to.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._offers: dict[str, str] = {}
        self._wire = _dial(relay)
        try:
            self._open()
        except LineLost as lost:
            self._wire.close()
            raise _error(relay, f"{lost}; {_HINT}") from None
        except BaseException:
            self._wire.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether another message may be tried here."""
        return self._wire.is_open

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Says goodbye, if the line still stands, and hangs up. May be called twice."""
        if not self.is_open:
            return
        try:
            self._ask("QUIT", QUIT_SECONDS)
        except LineLost:
            pass  # every message has had its answer
        finally:
            self._wire.close()

    def send(
        self, *, sender: str, recipient: str, message: bytes, intend: Callable[[], bool]
    ) -> Outcome:
        """Hands over one message to one recipient.

        `sender` may be empty (the null path); `message` is a whole one, 7 bit, its lines ended by
        CRLF. `intend` is called when nothing but the final dot is missing: True says that it is
        recorded that the message may now go out; False, or an exception, which is passed on,
        hangs up instead. Raises `ValueError` for envelopes and messages that must never be sent.
        """
        body = _transparent(message)
        envelope = self._envelope(sender, recipient, len(message))
        if not self.is_open:
            return NotSent("the connection to the relay is closed already")
        if 0 < self._size_limit < len(message):
            problem = f"the relay takes {self._size_limit} bytes at most, and this message has"
            return NotSent(f"{problem} {len(message)}; shorten the issue")
        try:
            refusal = self._offer(envelope)
            return refusal if refusal else self._deliver(body, intend)
        except LineLost as lost:
            self._wire.close()
            return NotSent(f"the relay did not take it: {lost}")
        except BaseException:
            self._wire.close()
            raise

    @property
    def _size_limit(self) -> int:
        """Bytes of the largest message, 0 = not told (RFC 1870, section 4)."""
        offered = self._offers.get("SIZE", "")
        return int(offered) if offered.isascii() and offered.isdigit() else 0

    def _envelope(self, sender: str, recipient: str, size: int) -> list[tuple[Stage, str, float]]:
        _check_path(sender)
        _check_path(recipient)
        octets = f" SIZE={size}" if "SIZE" in self._offers else ""  # RFC 1870
        return [
            (Stage.MAIL, f"MAIL FROM:<{sender}>{octets}", COMMAND_SECONDS),
            (Stage.RCPT, f"RCPT TO:<{recipient}>", COMMAND_SECONDS),
            (Stage.DATA, "DATA", DATA_SECONDS),
        ]

    def _offer(self, envelope: list[tuple[Stage, str, float]]) -> Outcome | None:
        """Brings the relay to take a body; the outcome if it will not."""
        for stage, line, seconds in envelope:
            answer = self._ask(line, seconds)
            if answer.is_refusal:
                self._reset(answer)
                return classify(answer.reply(stage))
            if answer.is_positive is (stage is Stage.DATA):  # only DATA is answered 3xx
                raise LineLost(f"it answers {stage} with {answer}, which is out of step")
        return None

    def _deliver(self, body: bytes, intend: Callable[[], bool]) -> Outcome:
        early = self._write(body)
        if early:
            return self._spoke_early(early)
        if not intend():
            self._wire.close()  # in this state RSET would be text, and a dot would deliver
            return NotSent("withdrawn before the final dot")
        early = self._wire.unasked()
        return self._spoke_early(early) if early else self._finish()

    def _write(self, body: bytes) -> Answer | None:
        """Writes all but the final dot; an answer if the relay could not wait for it."""
        try:
            self._wire.write(body, seconds=self._seconds(BLOCK_SECONDS))
        except LineLost as lost:
            try:
                early = self._wire.unasked()  # what arrived before the line broke counts
            except LineLost:
                early = None
            if early:
                return early
            raise lost
        return self._wire.unasked()

    def _spoke_early(self, answer: Answer) -> Outcome:
        """A refusal before the dot is certain; consent to half a message is none."""
        self._wire.close()
        if answer.is_refusal:
            return classify(answer.reply(Stage.DOT))
        return NotSent(f"the relay answered {answer} before the message had ended")

    def _finish(self) -> Outcome:
        """The dot and its reply; from the first of the two calls on the message is in doubt."""
        try:
            self._wire.write(b".\r\n", seconds=self._seconds(BLOCK_SECONDS))
            answer = self._wire.answer(seconds=self._seconds(DOT_SECONDS))
            if not answer.is_positive and not answer.is_refusal:
                raise LineLost(f"it answers the final dot with {answer}")
        except LineLost as lost:
            self._wire.close()
            return Unconfirmed(f"the relay may have it: after the final dot, {lost}")
        if answer.code == 421:
            self._wire.close()
        return classify(answer.reply(Stage.DOT))

    def _reset(self, refusal: Answer) -> None:
        """Makes ready for the next message, or hangs up where there can be none."""
        # 421: it closes; 4.5.3: it has had enough recipients on this connection.
        is_over = refusal.code == 421 or refusal.enhanced == "4.5.3"
        try:
            if is_over or not self._ask("RSET", COMMAND_SECONDS).is_positive:
                self._wire.close()
        except LineLost:
            self._wire.close()

    def _ask(self, line: str, seconds: float) -> Answer:
        """Writes one command and reads its answer."""
        early = self._wire.unasked()
        if early:
            raise LineLost(f"it says {early} without having been asked")
        self._wire.write(f"{line}\r\n".encode("ascii"), seconds=self._seconds(seconds))
        return self._wire.answer(seconds=self._seconds(seconds))

    def _seconds(self, limit: float) -> float:
        return min(limit, self._relay.timeout_seconds)

    def _open(self) -> None:
        if self._relay.security is Security.TLS:
            self._encrypt()
        greeting = self._wire.answer(seconds=self._seconds(COMMAND_SECONDS))
        if not greeting.is_positive:
            raise _error(self._relay, f"it greets with {greeting}; {_HINT}")
        self._greet()
        if self._relay.security is Security.STARTTLS:
            self._start_tls()
            self._greet()
        if self._relay.username:
            self._log_in()

    def _greet(self) -> None:
        name = socket.gethostname()
        if not _DOMAIN.fullmatch(name):
            name = self._wire.address
        answer = self._ask(f"EHLO {name}", COMMAND_SECONDS)
        if not answer.is_positive:
            raise _error(self._relay, f"it refuses EHLO with {answer}; {_HINT}")
        # Some say AUTH=LOGIN, once the custom of a mail client.
        pairs = (line.replace("=", " ", 1).partition(" ") for line in answer.lines[1:])
        self._offers = {keyword.upper(): values.strip() for keyword, _, values in pairs}

    def _start_tls(self) -> None:
        if "STARTTLS" not in self._offers:
            raise _error(
                self._relay,
                "it offers no STARTTLS, and nothing is sent in plain text; "
                'set security = "tls" if that port speaks TLS at once, or take another port',
            )
        answer = self._ask("STARTTLS", COMMAND_SECONDS)
        if not answer.is_positive:
            raise _error(self._relay, f"it refuses STARTTLS with {answer}; ask its operator")
        self._encrypt()

    def _encrypt(self) -> None:
        try:
            self._wire.secure(
                _context(self._relay), self._relay.host, seconds=self._seconds(COMMAND_SECONDS)
            )
        except ssl.SSLCertVerificationError as error:
            raise _error(
                self._relay,
                f"its certificate is not to be trusted ({error.verify_message}); name the host as "
                "the certificate does, or let the machine trust its authority (SSL_CERT_FILE)",
            ) from None
        except OSError as error:
            raise _error(
                self._relay,
                f"TLS cannot be agreed on ({error.strerror or error}); check port and security",
            ) from None

    def _log_in(self) -> None:
        if not self._wire.is_encrypted and not self._wire.is_loopback:
            raise _error(
                self._relay,
                "user name and password would cross the network in plain text; "
                'set security = "starttls" or "tls"',
            )
        offered = self._offers.get("AUTH", "").upper().split()
        username, password = self._relay.username, self._relay.password
        if "PLAIN" in offered:  # RFC 4616
            encoded = _base64(f"\0{username}\0{password}")
            self._recite([f"AUTH PLAIN {encoded}"], secrets=[encoded, password])
        elif "LOGIN" in offered:
            answers = [_base64(username), _base64(password)]
            self._recite(["AUTH LOGIN", *answers], secrets=[*answers, password])
        else:
            known = " ".join(offered) or "none"
            problem = f"it offers no AUTH PLAIN or LOGIN (but {known}); remove username, or take"
            raise _error(self._relay, f"{problem} another port or security")

    def _recite(self, lines: list[str], *, secrets: list[str]) -> None:
        for number, line in enumerate(lines, start=1):
            answer = self._ask(line, COMMAND_SECONDS)
            if answer.code != (235 if number == len(lines) else 334):  # RFC 4954
                raise _error(
                    self._relay,
                    f"it refuses user name and password with {_without(answer, secrets)}; "
                    "check username and password",
                )


def _dial(relay: Relay) -> Wire:
    limit = min(CONNECT_SECONDS, relay.timeout_seconds)
    try:
        return Wire(socket.create_connection((relay.host, relay.port), timeout=limit))
    except TimeoutError:
        problem = f"no connection within {limit:g} seconds; check host and port, and the firewall"
    except socket.gaierror:
        problem = "there is no such host; check its name, and the machine's DNS"
    except (OSError, UnicodeError) as error:
        cause = getattr(error, "strerror", None) or "not a host name"
        problem = f"no connection ({cause}); check host and port, and whether it is running"
    raise _error(relay, problem)


def _error(relay: Relay, problem: str) -> RelayError:
    return RelayError(str(relay), problem)


@lru_cache(maxsize=8)
def _context(relay: Relay) -> ssl.SSLContext:
    """One for each relay: to load the authorities takes longer than to send a message."""
    return ssl.create_default_context()


def _check_path(path: str) -> None:
    if not path.isascii() or not path.isprintable() or any(mark in path for mark in " <>"):
        raise ValueError(f"not an envelope address: {path!r}")


def _transparent(message: bytes) -> bytes:
    """The message as it goes over the line, dots doubled (RFC 5321, section 4.5.2).

    A bare CR or LF is refused: some relays take it for an end of line, and then text could end
    the message and start another.
    """
    lines = message.count(b"\r\n")
    if not message.isascii() or not lines == message.count(b"\r") == message.count(b"\n"):
        raise ValueError("a message must be ASCII, its lines ended by CRLF and nothing else")
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") if b"\r\n." in message else message


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _without(answer: Answer, secrets: list[str]) -> Answer:
    """The answer without any secret: some relays quote the line that they do not like."""
    marks = "|".join(re.escape(secret) for secret in secrets if secret)
    return Answer(answer.code, tuple(re.sub(marks, "…", line) for line in answer.lines))
