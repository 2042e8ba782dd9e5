"""Whether the time of an answer tells who is subscribed: sign-ups over a real connection.

    python bench/signups.py [RUNS]

Four kinds of address take turns, each run from a network of its own but for those over budget.
Printed are the medians and how far the slowest is from the fastest; within 1.10 nobody learns
anything over a network.
"""

import asyncio
import http.client
import random
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))

from publisher.bootstrap import found_site, open_app
from publisher.domain.signups import Budgets
from publisher.services import subscribers, suppressions
from publisher.services.app import App, Listen
from publisher.web.app import build_app
from publisher.web.server import listen, serve

RUNS = 200
KINDS = ("known", "unknown", "suppressed", "over budget")


def main(runs: int) -> None:
    """Serves an empty site on this machine and signs up, kind by kind in turn."""
    with tempfile.TemporaryDirectory() as name:
        found_site(Path(name), sample=False)
        with open_app(Path(name) / "config.toml") as opened:
            options = replace(opened.subscribers, budgets=Budgets(an_hour=100_000))
            app = replace(opened, subscribers=options, listen=Listen(
                host="127.0.0.1", port=0, trusted_proxies=("127.0.0.0/8",)
            ))  # fmt: skip
            for number in range(runs):
                known = f"known{number}@example.org"
                subscribers.add(app, "weekly", email=known, name="", source="bench")
                suppressions.add(app, f"suppressed{number}@example.org")
            report(served(app, runs))


def served(app: App, runs: int) -> dict[str, list[float]]:
    """Seconds of each answer, by kind."""
    stop, ready, loops = asyncio.Event(), Event(), []
    with listen(app.listen) as listener:

        async def run() -> None:
            loops.append(asyncio.get_running_loop())
            await serve(build_app(app), stop, listener, ready=ready.set)

        thread = Thread(target=lambda: asyncio.run(run()))
        thread.start()
        ready.wait()
        try:
            return measure(listener.getsockname()[1], runs)
        finally:
            loops[0].call_soon_threadsafe(stop.set)
            thread.join()


def measure(port: int, runs: int) -> dict[str, list[float]]:
    """One connection, as a patient spy would."""
    line = http.client.HTTPConnection("127.0.0.1", port)
    line.request("GET", "/subscribe")
    page = line.getresponse().read().decode()
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    time.sleep(3.2)  # people need that long, and the form knows
    times: dict[str, list[float]] = defaultdict(list)
    chance = random.Random(7)
    for number in range(-10, runs):  # the first ten warm up, and use up the budget
        for place, kind in chance.sample(list(enumerate(KINDS)), len(KINDS)):
            over = kind == "over budget"
            visitor = "198.51.100.1" if over else f"10.{place}.{number // 200 + 1}.{number % 200}"
            email = f"{kind.split()[0]}{number}@example.org"
            body = urlencode({**form, "email": email, "newsletter": "weekly", "website": ""})
            head = {"X-Forwarded-For": visitor, "Content-Type": "application/x-www-form-urlencoded"}
            start = time.perf_counter()
            line.request("POST", "/subscribe", body, head)
            answer = line.getresponse()
            answer.read()
            if number >= 0:
                times[kind].append(time.perf_counter() - start)
            assert answer.status == 202, answer.status
    return times


def report(times: dict[str, list[float]]) -> None:
    """Medians, and the ratio that counts."""
    medians = {kind: statistics.median(times[kind]) for kind in KINDS}
    for kind, median in medians.items():
        print(f"{kind:<12} {median * 1000:>8.2f} ms, {len(times[kind])} runs")
    print(f"slowest / fastest {max(medians.values()) / min(medians.values()):>7.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
