"""Telling systemd how the daemon is: datagrams to the socket that it named (sd_notify(3))."""

import socket
from time import CLOCK_MONOTONIC, clock_gettime_ns


class Notifier:
    """Sends states to systemd; without an address it is silent."""

    def __init__(self, address: str) -> None:
        # A leading @ means the abstract namespace (unix(7)).
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """The daemon does its work."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The daemon reads its settings anew; `ready` ends that."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={_monotonic_usec()}")

    def stopping(self) -> None:
        """The daemon is about to end."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Keeps the watchdog quiet; only to be said when work was really done."""
        self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setblocking(False)  # a listener that does not listen must not stop the daemon
            try:
                line.sendto(state.encode(), self._address)
            except OSError:
                return  # systemd went away or is busy; nothing here depends on it


def _monotonic_usec() -> int:
    return clock_gettime_ns(CLOCK_MONOTONIC) // 1000
