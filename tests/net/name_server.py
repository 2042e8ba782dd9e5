"""A name server on this machine: answers from a table, and misbehaves where the table says so."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from publisher.net.dns import Resolver

Zone = Mapping[tuple[str, str], Sequence[str]]
"""(name, kind) -> the records as in a zone file; `SERVFAIL` and `SILENCE` are faults."""

SERVFAIL, SILENCE = "SERVFAIL", "SILENCE"


class NameServer:
    """Answers over UDP until it is stopped; `asked` holds each question."""

    def __init__(self, zone: Zone) -> None:
        self.zone = dict(zone)
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    @property
    def resolver(self) -> Resolver:
        return Resolver(server="127.0.0.1", port=self.port, seconds=2.0)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, client = self._socket.recvfrom(4096)
            if not wire:
                return
            if answer := self._answer(dns.message.from_wire(wire)):
                self._socket.sendto(answer, client)

    def _answer(self, query: dns.message.Message) -> bytes:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        values = list(self.zone.get((name, kind), ()))
        if SILENCE in values:
            return b""
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if SERVFAIL in values:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif values:
            response.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, values))
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


@contextmanager
def serving(zone: Zone) -> Iterator[NameServer]:
    server = NameServer(zone)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def txt(value: str) -> str:
    """A TXT record in strings of at most 255 bytes."""
    starts = range(0, len(value) or 1, 255)
    return " ".join(f'"{value[start : start + 255]}"' for start in starts)
