"""The beginning of a session: greeting, EHLO, TLS, AUTH. Anything wrong here and nothing is sent.

A relay without TLS, where TLS is required, gets no mail and no password: there is no way back to
plain text.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from publisher.domain.replies import (
    After,
    NotSent,
    Reaction,
    Scope,
    Stage,
    Verdict,
    classify,
    lost,
)
from publisher.mail.relays import Login, Relay, Security, tls_context
from publisher.mail.replies import Answer

CONNECT_SECONDS = 30.0
COMMAND_SECONDS = 300.0

_HINT = 'if it goes on, check port and security (465 wants "tls", 587 "starttls")'
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)


class Refused(Exception):
    """The session cannot begin: what to say, and what follows. Stays inside `mail`."""

    def __init__(self, problem: str, verdict: Verdict) -> None:
        super().__init__(problem)
        self.problem = problem
        self.verdict = verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What the relay can do: the keywords of its EHLO with their parameters. `name`: its own."""

    keywords: Mapping[str, str]
    name: str = ""
    tls: str = ""  # version and cipher; empty = plain text
    login: str = ""  # the mechanism we used
    size: int = field(init=False)  # bytes of the largest message, 0 = not told (RFC 1870)

    def __post_init__(self) -> None:
        told = self.keywords.get("SIZE", "")
        object.__setattr__(self, "size", int(told) if told.isascii() and told.isdigit() else 0)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords


class Line(Protocol):
    """What the beginning needs of a connection."""

    async def answer(self, seconds: float) -> Answer:
        """The next answer. Raises `LineLost`."""

    async def ask(self, line: str, seconds: float) -> Answer:
        """Writes one command and waits for its answer. Raises `LineLost`."""

    async def encrypt(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Turns to TLS. Raises `LineLost` if something lies behind the last answer."""

    @property
    def transport(self) -> asyncio.Transport: ...


async def open_session(line: Line, relay: Relay) -> Offers:
    """Greets, encrypts, logs in. Raises `Refused` or `LineLost`."""
    greeting = await line.answer(_seconds(relay))
    if not _is_positive(greeting):
        raise _refused(greeting, Stage.GREETING, f"it greets with {greeting}; {_HINT}")
    name, keywords = await _greet(line, relay)
    if relay.security is Security.STARTTLS:
        await _start_tls(line, relay, keywords)
        name, keywords = await _greet(line, relay)  # what it said before may be a stranger's
    login = await _log_in(line, relay, keywords) if relay.username else ""
    return Offers(keywords=keywords, name=name, tls=_cipher(line.transport), login=login)


async def encrypt(line: Line, relay: Relay) -> None:
    """TLS with the relay's certificate checked. Raises `Refused`."""
    try:
        await line.encrypt(tls_context(relay), relay.host, _seconds(relay))
    except ssl.SSLCertVerificationError as error:
        raise distrusted(error) from None
    except ssl.SSLError as error:
        raise not_agreed(error) from None
    except TimeoutError:
        raise broken(f"TLS was not agreed on within {_seconds(relay):g} seconds") from None
    except OSError as error:  # the line itself: waiting may mend it
        raise broken(f"the connection broke while TLS was agreed on ({_cause(error)})") from None


def distrusted(error: ssl.SSLCertVerificationError) -> Refused:
    """The certificate is not one that we accept."""
    return _pause(
        f"its certificate is not to be trusted ({error.verify_message}); name the host as "
        "the certificate does, or let the machine trust its authority (SSL_CERT_FILE)"
    )


def not_agreed(error: ssl.SSLError) -> Refused:
    """The handshake failed, on a line that stands."""
    return _pause(f"TLS cannot be agreed on ({_cause(error)}); check port and security")


def unreachable(error: Exception, relay: Relay) -> Refused:
    """No connection at all."""
    limit = min(CONNECT_SECONDS, relay.timeout_seconds)
    match error:
        case TimeoutError():
            problem = f"no connection within {limit:g} seconds; check host and port, and the"
            problem += " firewall"
        case socket.gaierror():
            problem = "there is no such host; check its name, and the machine's DNS"
        case _:
            cause = _cause(error) if isinstance(error, OSError) else "not a host name"
            # uvloop and asyncio put the address before the reason.
            cause = re.sub(r"^Connect call failed.*", "Connection refused", cause)
            problem = f"no connection ({cause}); check host and port, and whether it is running"
    return Refused(problem, lost(Stage.CONNECT, problem))


async def _greet(line: Line, relay: Relay) -> tuple[str, dict[str, str]]:
    """What it calls itself, and its keywords with their parameters."""
    answer = await line.ask(f"EHLO {_own_name(line.transport)}", _seconds(relay))
    if not _is_positive(answer):
        raise _refused(answer, Stage.EHLO, f"it refuses EHLO with {answer}; {_HINT}")
    keywords: dict[str, str] = {}
    for text in answer.lines[1:]:
        # Some say AUTH=LOGIN, once the custom of a mail client, and often beside the full list.
        keyword, _, values = text.replace("=", " ", 1).partition(" ")
        keyword = keyword.upper()
        known = keywords.get(keyword, "") if keyword == "AUTH" else ""
        if keyword:
            keywords[keyword] = f"{known} {values.strip()}".strip()
    return answer.lines[0].partition(" ")[0], keywords


async def _start_tls(line: Line, relay: Relay, keywords: Mapping[str, str]) -> None:
    if "STARTTLS" not in keywords:
        raise _pause(
            "it offers no STARTTLS, and nothing is sent in plain text; "
            'set security = "tls" if that port speaks TLS at once, or take another port'
        )
    answer = await line.ask("STARTTLS", _seconds(relay))
    if not _is_positive(answer):
        problem = f"it refuses STARTTLS with {answer}; ask its operator"
        raise _refused(answer, Stage.STARTTLS, problem)
    await encrypt(line, relay)


async def _log_in(line: Line, relay: Relay, keywords: Mapping[str, str]) -> str:
    if not _cipher(line.transport) and not _is_loopback(line.transport):
        raise _pause(
            "user name and password would cross the network in plain text; "
            'set security = "starttls" or "tls"'
        )
    offered = keywords.get("AUTH", "").upper().split()
    match _mechanism(relay.login, offered):
        case "PLAIN":  # RFC 4616
            secret = _base64(f"\0{relay.username}\0{relay.password}")
            lines = [f"AUTH PLAIN {secret}"]
            secrets = [secret]
        case "LOGIN":
            secrets = [_base64(relay.username), _base64(relay.password)]
            lines = ["AUTH LOGIN", *secrets]
        case "XOAUTH2":
            secret = _base64(f"user={relay.username}\x01auth=Bearer {relay.password}\x01\x01")
            lines = [f"AUTH XOAUTH2 {secret}"]
            secrets = [secret]
        case _:
            known = " ".join(offered) or "none"
            wanted = "PLAIN or LOGIN" if relay.login is Login.AUTO else relay.login.upper()
            raise _pause(
                f"it offers no AUTH {wanted} (but {known}); remove username, or take another "
                "port, security or login"
            )
    await _recite(line, relay, lines, secrets=[*secrets, relay.password])
    return lines[0].split()[1]


def _mechanism(login: Login, offered: list[str]) -> str:
    wanted = ["PLAIN", "LOGIN"] if login is Login.AUTO else [login.upper()]
    return next((each for each in wanted if each in offered), "")


async def _recite(line: Line, relay: Relay, lines: list[str], *, secrets: list[str]) -> None:
    for number, text in enumerate(lines, start=1):
        answer = await line.ask(text, _seconds(relay))
        if answer.code == 334 and number == len(lines):  # XOAUTH2 explains; an empty line ends it
            answer = await line.ask("", _seconds(relay))
        if answer.code != (235 if number == len(lines) else 334):  # RFC 4954
            shown = _without(answer, secrets)
            problem = f"it refuses user name and password with {shown}; check username and password"
            raise _refused(shown, Stage.AUTH, problem)


def _refused(answer: Answer, stage: Stage, problem: str) -> Refused:
    if answer.code // 100 in (4, 5):
        return Refused(problem, classify(answer.reply(stage)))
    return _pause(problem)


def _pause(problem: str) -> Refused:
    """Nothing that waiting could mend: an operator has to look."""
    verdict = Verdict(
        outcome=NotSent(problem),
        scope=Scope.RELAY,
        after=After.CLOSE,
        reaction=Reaction.PAUSE_RELAY,
    )
    return Refused(problem, verdict)


def _cause(error: OSError) -> str:
    """The reason in words; a line that the other side has closed comes without one."""
    return error.strerror or str(error) or "it was closed"


def _seconds(relay: Relay) -> float:
    return min(COMMAND_SECONDS, relay.timeout_seconds)


def _is_positive(answer: Answer) -> bool:
    return answer.code // 100 == 2


def _own_name(transport: asyncio.Transport) -> str:
    """Our name, or our address as a literal (RFC 5321, section 4.1.3)."""
    name = socket.gethostname()
    if _DOMAIN.fullmatch(name):
        return name
    own = str(transport.get_extra_info("sockname")[0]).partition("%")[0]
    return f"[IPv6:{own}]" if ":" in own else f"[{own}]"


def _is_loopback(transport: asyncio.Transport) -> bool:
    peer = str(transport.get_extra_info("peername")[0])
    return ipaddress.ip_address(peer.partition("%")[0]).is_loopback


def _cipher(transport: asyncio.Transport) -> str:
    secured = transport.get_extra_info("ssl_object")
    return f"{secured.version()} {secured.cipher()[0]}" if secured else ""


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _without(answer: Answer, secrets: list[str]) -> Answer:
    """The answer without any secret: some relays quote the line that they do not like."""
    marks = "|".join(re.escape(secret) for secret in secrets if secret)
    return Answer(answer.code, tuple(re.sub(marks, "…", line) for line in answer.lines))


def broken(problem: str) -> Refused:
    """The line was lost, or what came over it is no SMTP, before the session had begun."""
    return Refused(f"{problem}; {_HINT}", lost(Stage.CONNECT, f"{problem}; {_HINT}"))
