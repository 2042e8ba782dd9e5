"""A port on this machine that is far away: `python bench/distance.py PORT MILLISECONDS`.

Whatever arrives is handed on after half of that time, in either direction and in order, so that
a question and its answer take the whole of it. Prints its own port, and runs until it is ended.
"""

import asyncio
import sys
from typing import cast


class End(asyncio.Protocol):
    """One end of a line."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.loop = asyncio.get_running_loop()
        self.other: End

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.loop.call_later(self.seconds, self.other.transport.write, data)

    def connection_lost(self, error: Exception | None) -> None:
        self.loop.call_later(self.seconds, self.other.transport.close)


class Near(End):
    """The end that is called; it listens once it has called the other."""

    def __init__(self, seconds: float, port: int) -> None:
        super().__init__(seconds)
        self.port = port
        self.other = End(seconds)
        self.other.other = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self.calling = self.loop.create_task(self.call())

    async def call(self) -> None:
        await self.loop.create_connection(lambda: self.other, "127.0.0.1", self.port)
        self.transport.resume_reading()


async def main(port: int, milliseconds: float) -> None:
    """Serves for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Near(milliseconds / 2_000, port), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
