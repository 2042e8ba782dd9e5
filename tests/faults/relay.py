"""A relay that misbehaves on request, and writes down what it accepted.

Faults are asked for by the left side of an address, so that they repeat over restarts:
`rcpt450x2.7@` refuses RCPT with 450 twice and then takes the message; what follows the last dot
only tells addresses apart. Several faults are joined: `rcpt450x1-dot451x1.7@`. `mail…` stands in
the sender's address, `rcpt… data… body… dot…` in the recipient's; what comes before any address
(greeting ehlo starttls tls auth rset quit) is given to the relay itself.

    450, 550_5.1.1               that reply, with that enhanced code; 421 hangs up
    close, reset                 hangs up, by FIN or by RST
    silence, garbage             says nothing more; says what is no reply
    codes, long, huge            a reply with two codes, with too long a line, too long a reply
    multi, split, late           the good reply: in three lines, byte by byte, after a while
    doubled, then421             the good reply twice; the good reply, then 421
    drip                         a reply that goes on and on
    half                         the good reply, and the beginning of another
    acceptclose, acceptreset     (dot) takes the message, says nothing, hangs up
    refuseclose                  552, and hangs up at once

A fault at `body` comes after the first line of the message. `chances` are the same faults by
chance, drawn from a seed and the address, so that a run with the same seed is the same run.

The log holds one line of JSON for each message that was taken: rcpt, message_id, sha256; it is
written before the reply. Run by itself: `python tests/faults/relay.py --port 0 --log FILE`.
"""

import argparse
import asyncio
import hashlib
import json
import re
import socket
import ssl
import struct
import sys
import time
from base64 import b64decode
from collections import Counter
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Self

_MARK = re.compile(
    r"(mail|rcpt|data|body|dot)"
    r"([0-9]{3}(?:_[245]\.[0-9]+\.[0-9]+)?|then421|[a-z]+?)(?:x([0-9]+))?"
)
_GOOD = {"greeting": "220 fault relay", "starttls": "220 go on", "auth": "235 2.7.0 welcome"}
_GOOD |= {"data": "354 go on", "body": "", "dot": "250 2.0.0 taken", "quit": "221 2.0.0 bye"}
_STILL_GOOD = ("multi", "split", "late", "doubled", "half", "then421")


@dataclass(kw_only=True)
class Behaviour:
    """What a relay offers and does. `faults`: stage before any address -> fault.

    `chances`: stage and fault as in an address (`rcpt450`) -> how likely, at the first
    attempt of an address only. `dot_drops_ahead`: throws away what was written behind a dot, as
    servers do that cannot be written ahead to; `ahead_is_503`: answers it with 503.
    """

    log: Path | None = None
    delay_ms: float = 0  # before every reply to one write: the way there and back
    per_connection: int = 0  # messages until 421; 0 = any number
    per_second: float = 0  # 454 beyond that rate
    quota: int = 0  # 550 5.4.5 beyond so many messages
    most_connections: int = 0  # 421 at the greeting beyond
    faults: dict[str, str] = field(default_factory=dict)
    chances: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN")
    size: int | None = 10_000_000
    tls: ssl.SSLContext | None = None  # offers STARTTLS
    injected: bytes = b""  # sent in one piece with the consent to TLS
    login: tuple[str, str] | None = None
    mechanisms: str = "PLAIN LOGIN XOAUTH2"
    late_ms: float = 20
    splits_all: bool = False  # every reply byte by byte
    data_after_bad_rcpt: bool = False  # 354 although there is no recipient
    dot_drops_ahead: bool = False
    ahead_is_503: bool = False
    bodies: bool = False  # keeps the messages themselves


class Hangup(Exception):
    """Ends a session."""


class FaultRelay:
    """The relay in a thread of its own; a context manager."""

    def __init__(self, behaviour: Behaviour | None = None, *, port: int = 0) -> None:
        self.behaviour = behaviour or Behaviour()
        self.accepted: list[dict[str, str]] = []
        self.bodies: dict[str, bytes] = {}
        self.commands: list[str] = []
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.dots = 0  # final dots that arrived
        self.bodies_begun = 0
        self.spoke_early = Event()  # a fault at `body` has been sent
        self.hung_up = Event()
        self.problems: list[Exception] = []
        self.seen: Counter[str] = Counter()
        self.times: list[float] = []  # when each message was taken, monotonic
        self._log = None if self.behaviour.log is None else self.behaviour.log.open("a")
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._started: Future[None] = Future()
        self._thread = Thread(target=self.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._log:
            self._log.close()
        assert not self.problems

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def accept(self, recipient: str, message: bytes) -> None:
        found = re.search(rb"(?im)^message-id:[ \t]*(\S+)", message)
        entry = {
            "rcpt": recipient,
            "message_id": found[1].decode() if found else "",
            "sha256": hashlib.sha256(message).hexdigest(),
        }
        if self._log:
            self._log.write(json.dumps(entry) + "\n")
            self._log.flush()
        self.accepted.append(entry)
        self.times.append(time.monotonic())
        if self.behaviour.bodies:
            self.bodies[recipient] = message

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            tasks.add(task)
            self.connections += 1
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            try:
                await Session(self, reader, writer).run()
            except (Hangup, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                pass
            except asyncio.CancelledError:
                pass  # the relay ends
            except Exception as problem:
                self.problems.append(problem)
            finally:
                tasks.discard(task)
                self.open -= 1
                writer.close()
                with suppress(ConnectionError, ssl.SSLError):
                    await writer.wait_closed()
                self.hung_up.set()

        # Else small replies wait for each other's ACK: asyncio knows a TCP socket by its protocol
        # number only, and a bound one has none.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = await asyncio.start_server(connected, sock=self._listener, limit=1 << 20)
        self._started.set_result(None)
        await self._stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Session:
    def __init__(
        self, relay: FaultRelay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.relay = relay
        self.does = relay.behaviour
        self.reader = reader
        self.writer = writer
        self.sender: str | None = None
        self.recipient = ""
        self.is_encrypted = False
        self.taken = 0

    async def run(self) -> None:
        most = self.does.most_connections
        if most and self.relay.open > most:
            await self.reply("421 4.7.0 too many connections from you")
            raise Hangup
        await self.say("greeting")
        while line := await self.line():
            self.relay.commands.append(line)
            verb = re.split(r"[ :]", line, maxsplit=1)[0].lower()
            handle = getattr(self, f"on_{verb}", None)
            if handle:
                await handle(line)
            else:
                await self.reply("502 5.5.2 not known here")

    async def on_ehlo(self, line: str) -> None:
        offers = list(self.does.extensions)
        if self.does.size is not None:
            offers.append(f"SIZE {self.does.size}")
        if self.does.tls and not self.is_encrypted:
            offers.append("STARTTLS")
        if self.does.login:
            offers.append(f"AUTH {self.does.mechanisms}")
        lines = ["fault.test", *offers]
        text = "\r\n".join(f"250-{offer}" for offer in lines[:-1]) + f"\r\n250 {lines[-1]}"
        await self.say("ehlo", good=text.removeprefix("\r\n"))

    async def on_starttls(self, line: str) -> None:
        if not self.does.tls:
            return await self.reply("502 5.5.1 no TLS here")
        if "starttls" in self.does.faults:
            return await self.say("starttls")
        self.writer.write(b"220 go on\r\n" + self.does.injected)
        if "tls" in self.does.faults:
            await self.say("tls")
        await self.writer.start_tls(self.does.tls)
        self.is_encrypted = True

    async def on_auth(self, line: str) -> None:
        words = line.split(" ")
        if words[1] == "PLAIN":
            _, username, password = b64decode(words[2]).decode().split("\0")
        elif words[1] == "XOAUTH2":
            found = re.match("user=(.*)\x01auth=Bearer (.*)\x01\x01", b64decode(words[2]).decode())
            username, password = found.groups() if found else ("", "")
            if self.does.login != (username, password):
                await self.reply("334 eyJzdGF0dXMiOiI0MDEifQ==")
                assert await self.line() == ""
        else:
            await self.reply("334 VXNlcm5hbWU6")
            username = b64decode(await self.line()).decode()
            await self.reply("334 UGFzc3dvcmQ6")
            password = b64decode(await self.line()).decode()
        if self.does.login == (username, password):
            await self.say("auth")
        else:
            await self.reply(f"535 5.7.8 no: {line} {username} {password}")  # some do quote

    async def on_mail(self, line: str) -> None:
        self.sender, self.recipient = None, ""
        if self.does.per_connection and self.taken >= self.does.per_connection:
            await self.reply("421 4.7.0 enough for this connection")
            raise Hangup
        if await self.say("mail", _path(line)):
            self.sender = _path(line)

    async def on_rcpt(self, line: str) -> None:
        if self.sender is None:
            return await self.reply("503 5.5.1 no sender")
        if self._is_too_fast():
            return await self.reply("454 4.7.28 Throttling failure: Maximum sending rate exceeded.")
        if self.does.quota and len(self.relay.accepted) >= self.does.quota:
            return await self.reply("550 5.4.5 Daily user sending limit exceeded.")
        if await self.say("rcpt", _path(line)):
            self.recipient = _path(line)
        return None

    async def on_data(self, line: str) -> None:
        if self.sender is None or not (self.recipient or self.does.data_after_bad_rcpt):
            return await self.reply("503 5.5.1 no recipient")
        if not await self.say("data", self.recipient):
            return None
        lines: list[bytes] = []
        self.relay.bodies_begun += 1
        while (text := await self.reader.readuntil(b"\n")) != b".\r\n":
            lines.append(text.removeprefix(b"."))
            if len(lines) == 1:
                try:
                    await self.say("body", self.recipient)
                finally:
                    self.relay.spoke_early.set()
        self.relay.dots += 1
        await self._taken(b"".join(lines))

    async def _taken(self, message: bytes) -> None:
        recipient, self.recipient, self.sender = self.recipient, "", None
        if not recipient:
            return await self.reply("554 5.5.1 no recipient")
        fault = self.fault("dot", recipient, peek=True)
        if not fault or not re.match(r"[345]|close|reset|refuse", fault):
            self.relay.accept(recipient, message)
            self.taken += 1
        ahead = len(self.reader._buffer)  # type: ignore[attr-defined]
        await self.say("dot", recipient)
        if ahead and self.does.dot_drops_ahead:
            self.reader._buffer.clear()  # type: ignore[attr-defined]
        elif ahead and self.does.ahead_is_503:
            self.reader._buffer.clear()  # type: ignore[attr-defined]
            await self.reply("503 5.5.1 bad sequence\r\n" * 2 + "503 5.5.1 bad sequence")

    async def on_rset(self, line: str) -> None:
        self.recipient, self.sender = "", None
        await self.say("rset")

    async def on_quit(self, line: str) -> None:
        await self.say("quit")
        raise Hangup

    async def line(self) -> str:
        return (await self.reader.readline()).decode("utf-8", "replace").rstrip("\r\n")

    def _is_too_fast(self) -> bool:
        if not self.does.per_second:
            return False
        now = time.monotonic()
        return sum(now - each < 1 for each in self.relay.times[-1000:]) >= self.does.per_second

    def fault(self, stage: str, path: str = "", *, peek: bool = False) -> str:
        if stage not in ("mail", "rcpt", "data", "body", "dot"):
            return self.does.faults.get(stage, "")
        local = path.rpartition("@")[0].rpartition(".")[0]
        for mark in local.split("-"):
            found = _MARK.fullmatch(mark)
            if found and found[1] == stage:
                key = f"{mark} {path}"
                count = self.relay.seen[key]
                self.relay.seen[key] += not peek
                return found[2] if not found[3] or count < int(found[3]) else ""
        return self._by_chance(stage, path, peek=peek) or self.does.faults.get(stage, "")

    def _by_chance(self, stage: str, path: str, *, peek: bool) -> str:
        for mark, likely in self.does.chances.items():
            found = _MARK.fullmatch(mark)
            assert found
            if found[1] != stage:
                continue
            key = f"{mark} {path}"
            drawn = hashlib.sha256(f"{self.does.seed} {key}".encode()).digest()
            if int.from_bytes(drawn[:4]) / 2**32 < likely and not self.relay.seen[key]:
                self.relay.seen[key] += not peek
                return found[2]
        return ""

    async def say(self, stage: str, path: str = "", *, good: str | None = None) -> bool:
        """The reply of a stage, as it should be or as the fault wants it. Whether it was good."""
        fault = self.fault(stage, path)
        if good is None:
            good = _GOOD.get(stage, "250 2.1.0 fine")
        if not fault:
            if good:
                await self.reply(good)
            return True
        if code := re.fullmatch(r"([2-5][0-9]{2})(?:_([0-9.]+))?", fault):
            await self.reply(f"{code[1]} {code[2] or code[1][0] + '.0.0'} as you wished")
            if code[1] == "421":
                raise Hangup
            return False
        await getattr(self, "do_" + fault)(good)
        return fault in _STILL_GOOD

    async def do_close(self, good: str) -> None:
        raise Hangup

    async def do_reset(self, good: str) -> None:
        connected = self.writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise Hangup

    do_acceptclose = do_close
    do_acceptreset = do_reset

    async def do_silence(self, good: str) -> None:
        await self.reader.read()  # until the other side gives up
        raise Hangup

    async def do_garbage(self, good: str) -> None:
        await self.send(b"\x00\xff what? \x1b[31m\r\n")

    async def do_codes(self, good: str) -> None:
        await self.send(f"{good[:3]}-one\r\n{int(good[:3]) + 1} two\r\n".encode())

    async def do_long(self, good: str) -> None:
        await self.send(good.encode() + b"x" * 4_096 + b"\r\n")

    async def do_huge(self, good: str) -> None:
        await self.send(f"{good[:3]}-{'x' * 996}\r\n".encode() * 100 + good.encode() + b"\r\n")

    async def do_multi(self, good: str) -> None:
        await self.send(f"{good[:3]}-one\r\n{good[:3]}-\r\n{good}\r\n".encode())

    async def do_split(self, good: str) -> None:
        for byte in f"{good}\r\n".encode():
            await self.send(bytes([byte]))
            await asyncio.sleep(0)

    async def do_late(self, good: str) -> None:
        await asyncio.sleep(self.does.late_ms / 1000)
        await self.send(f"{good}\r\n".encode())

    async def do_doubled(self, good: str) -> None:
        await self.send(f"{good}\r\n{good}\r\n".encode())

    async def do_half(self, good: str) -> None:
        await self.send(f"{good}\r\n42".encode())

    async def do_drip(self, good: str) -> None:
        while True:
            await self.send(f"{good[:3]}-one moment\r\n".encode())
            await asyncio.sleep(0.01)

    async def do_refuseclose(self, good: str) -> None:
        await self.reply("552 5.2.2 full")
        raise Hangup

    async def do_then421(self, good: str) -> None:
        await self.send(f"{good}\r\n421 4.3.2 and now good night\r\n".encode())
        raise Hangup

    async def reply(self, text: str) -> None:
        if self.does.splits_all:
            await self.do_split(text)
        else:
            await self.send(f"{text}\r\n".encode())

    async def send(self, data: bytes) -> None:
        # What was written ahead lies here already: its answers cost no way of their own.
        if self.does.delay_ms and not self.reader._buffer:  # type: ignore[attr-defined]
            await asyncio.sleep(self.does.delay_ms / 1000)
        self.writer.write(data)
        await self.writer.drain()


def _path(line: str) -> str:
    found = re.search(r"<([^>]*)>", line)
    return found[1] if found else ""


def main() -> None:
    """Runs the relay as a process of its own until it is ended; prints its port."""
    options = argparse.ArgumentParser(description="a relay that misbehaves on request")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--log", type=Path, required=True)
    options.add_argument("--delay", type=float, default=0, metavar="MS")
    options.add_argument("--per-connection", type=int, default=0, metavar="N")
    options.add_argument("--chances", type=json.loads, default={}, metavar="JSON")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    behaviour = Behaviour(
        log=given.log,
        delay_ms=given.delay,
        per_connection=given.per_connection,
        chances=given.chances,
        seed=given.seed,
    )
    relay = FaultRelay(behaviour, port=given.port)
    sys.stdout.write(f"{relay.port}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        relay.run()


if __name__ == "__main__":
    sys.exit(main())
