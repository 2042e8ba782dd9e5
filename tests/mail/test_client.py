"""The client against aiosmtpd: a server that others wrote, over TLS and with credentials."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from publisher.domain.replies import Accepted, NotSent, Outcome
from publisher.errors import RelayError
from publisher.mail.relays import Relay, Security, tls_context
from publisher.mail.single import send_one, try_relay

MESSAGE = b"Subject: x\r\n\r\nHello.\r\n.dot\r\n"


class Mailbox:
    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], bytes]] = []
        self.encrypted: list[bool] = []
        self.user: list[str] = []

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        self.encrypted.append(session.ssl is not None)
        assert envelope.original_content is not None
        self.taken.append((envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content))
        return "250 2.0.0 kept"

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        self.user.append(f"{mechanism} {given.login.decode()}")
        return AuthResult(success=given.password == b"right", handled=False)


class BoundController(Controller):
    """Listens on a socket that is bound beforehand, so that no port is ever lost to others."""

    def __init__(self, handler: Mailbox, **options: Any) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        super().__init__(handler, hostname="127.0.0.1", port=port, **options)

    def _create_server(self) -> Any:
        return self.loop.create_server(
            self._factory_invoker, sock=self.listener, ssl=self.ssl_context
        )


@contextmanager
def running(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    controller = BoundController(mailbox, server_hostname="mx.test", **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def make_relay(port: int, security: Security, **changes: Any) -> Relay:
    values = {"host": "localhost", "username": "", "password": "", "timeout_seconds": 20.0}
    return Relay(**{**values, "port": port, "security": security, **changes})


def send(relay: Relay, message: bytes = MESSAGE, **changes: Any) -> Outcome:
    envelope = {"sender": "news@news.test", "recipient": "ann@rcpt.test", **changes}
    return send_one(relay, message=message, **envelope)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.mark.usefixtures("trusted")
def test_starttls_with_credentials(mailbox: Mailbox, server_context: ssl.SSLContext) -> None:
    options = {"tls_context": server_context, "require_starttls": True, "auth_required": True}
    with running(mailbox, authenticator=mailbox.authenticate, **options) as port:
        relay = make_relay(port, Security.STARTTLS, username="ann", password="right")
        outcomes = [send(relay) for _ in range(3)]
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert mailbox.encrypted == [True] * 3
    assert mailbox.user == ["PLAIN ann"] * 3
    assert mailbox.taken[0] == ("news@news.test", ["ann@rcpt.test"], MESSAGE)


@pytest.mark.usefixtures("trusted")
def test_tls_from_the_first_byte(mailbox: Mailbox, server_context: ssl.SSLContext) -> None:
    with running(mailbox, ssl_context=server_context) as port:
        assert isinstance(send(make_relay(port, Security.TLS)), Accepted)
    assert mailbox.taken


@pytest.mark.usefixtures("trusted")
def test_login_is_used_where_plain_is_not_offered(
    mailbox: Mailbox, server_context: ssl.SSLContext
) -> None:
    options = {"tls_context": server_context, "auth_exclude_mechanism": ["PLAIN"]}
    with running(mailbox, authenticator=mailbox.authenticate, **options) as port:
        relay = make_relay(port, Security.STARTTLS, username="ann", password="right")
        assert isinstance(send(relay), Accepted)
    assert mailbox.user == ["LOGIN ann"]


@pytest.mark.usefixtures("trusted")
def test_wrong_credentials_are_tried_once(mailbox: Mailbox, server_context: ssl.SSLContext) -> None:
    with running(mailbox, tls_context=server_context, authenticator=mailbox.authenticate) as port:
        relay = make_relay(port, Security.STARTTLS, username="ann", password="wrong-secret")
        with pytest.raises(RelayError, match="535") as caught:
            try_relay(relay)
    assert "wrong-secret" not in f"{caught.value!r}{relay!r}"
    assert mailbox.user == ["PLAIN ann"]


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_an_unknown_authority_is_not_trusted(
    mailbox: Mailbox, server_context: ssl.SSLContext, security: Security
) -> None:
    option = "tls_context" if security is Security.STARTTLS else "ssl_context"
    with (
        running(mailbox, **{option: server_context}) as port,
        pytest.raises(RelayError, match=r"certificate is not to be trusted.*SSL_CERT_FILE"),
    ):
        try_relay(make_relay(port, security))
    assert mailbox.taken == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_host_is_not_trusted(
    mailbox: Mailbox, server_context: ssl.SSLContext
) -> None:
    with running(mailbox, ssl_context=server_context) as port:
        relay = make_relay(port, Security.TLS, host="127.0.0.1")
        with pytest.raises(RelayError, match="certificate is not to be trusted"):
            try_relay(relay)


def test_a_relay_without_tls_gets_nothing_in_plain_text(mailbox: Mailbox) -> None:
    with running(mailbox) as port:
        with pytest.raises(RelayError, match="offers no STARTTLS"):
            try_relay(make_relay(port, Security.STARTTLS))
        with pytest.raises(RelayError, match="TLS cannot be agreed on"):
            try_relay(make_relay(port, Security.TLS))
    assert mailbox.taken == []


def test_one_tls_context_serves_all_connections_of_a_relay() -> None:
    relay = make_relay(25, Security.TLS)
    assert tls_context(relay) is tls_context(relay)
    assert tls_context(relay).verify_mode is ssl.CERT_REQUIRED
    assert tls_context(relay).check_hostname


def test_a_message_over_the_relays_size_is_refused_and_nobody_blamed(mailbox: Mailbox) -> None:
    with running(mailbox, data_size_limit=1_000) as port:
        relay = make_relay(port, Security.NONE)
        big = send(relay, b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n" * 1_000)
        small = send(relay)
    assert isinstance(big, NotSent)
    assert "1000 bytes at most" in big.problem
    assert "has 2084" in big.problem
    assert isinstance(small, Accepted)


def test_the_null_sender_is_allowed(mailbox: Mailbox) -> None:
    with running(mailbox) as port:
        relay = make_relay(port, Security.NONE)
        assert isinstance(send(relay, sender=""), Accepted)
    assert mailbox.taken[0][0] in ("", "<>")


@pytest.mark.parametrize("body", [b"", b".", b"..", b".\r\n..\r\n.x\r\n\r\n.\r\n", b"x" * 900])
def test_what_is_sent_is_what_arrives(mailbox: Mailbox, body: bytes) -> None:
    with running(mailbox) as port:
        relay = make_relay(port, Security.NONE)
        assert isinstance(send(relay, b"a: b\r\n\r\n" + body), Accepted)
    taken = mailbox.taken[0][2]
    assert taken.removesuffix(b"\r\n") == (b"a: b\r\n\r\n" + body).removesuffix(b"\r\n")


def test_a_dot_at_the_very_beginning_is_kept(mailbox: Mailbox) -> None:
    with running(mailbox) as port:
        relay = make_relay(port, Security.NONE)
        assert isinstance(send(relay, b".\r\n\r\n.\r\n"), Accepted)
    assert mailbox.taken[0][2] == b".\r\n\r\n.\r\n"


@pytest.mark.parametrize(
    "message",
    [
        b"a: b\n\nx\n",
        b"a: b\r\n\r\nx\r.\r\r\n",
        b"a: b\r\n\r\nx\n.\r\n",
        b"a: \rb\n.\r\nMAIL FROM:<evil@x.test>\r\n",  # they stand in order, but apart
    ],
)
def test_a_message_that_could_end_early_is_refused(mailbox: Mailbox, message: bytes) -> None:
    with running(mailbox) as port:
        relay = make_relay(port, Security.NONE)
        with pytest.raises(ValueError, match="CRLF"):
            send(relay, message)
        assert isinstance(send(relay), Accepted)


@pytest.mark.parametrize("field", ["sender", "recipient"])
@pytest.mark.parametrize(
    "path",
    ["a@b.test>\r\nRCPT TO:<c@d.test", "a b@c.test", "a@b.test\x00", "<a@b.test>"],
)
def test_an_envelope_cannot_carry_commands(mailbox: Mailbox, field: str, path: str) -> None:
    with running(mailbox) as port:
        relay = make_relay(port, Security.NONE)
        with pytest.raises(ValueError, match="not an envelope address"):
            send(relay, **{field: path})
    assert mailbox.taken == []


def test_a_host_that_does_not_exist_is_one_clear_sentence() -> None:
    with pytest.raises(RelayError, match=r"^no-such\.invalid:25: .*no such host"):
        try_relay(Relay(host="no-such.invalid", port=25, security=Security.NONE))


def test_a_relay_shows_host_and_port_but_no_password() -> None:
    relay = Relay(host="::1", port=25, security=Security.NONE, username="u", password="hunter2")
    assert str(relay) == "[::1]:25"
    assert "hunter2" not in repr(relay)
