"""Ten thousand requests at the form of a running site: what leaves, and who still gets through."""

import re
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from publisher.domain.signups import SOONEST, Budgets
from tests.acceptance.conftest import eventually, inbox

pytestmark = pytest.mark.acceptance

REQUESTS, ADDRESSES, NETWORKS, THREADS = 10_000, 200, 50, 4
HONEST = "honest@example.org"


class Flood:
    """One connection that sends a form again and again, as if from behind the proxy."""

    def __init__(self, address: str) -> None:
        self.connection = HTTPConnection(urlsplit(address).netloc, timeout=60)

    def close(self) -> None:
        self.connection.close()

    def form(self) -> dict[str, str]:
        self.connection.request("GET", "/subscribe?lang=en")
        page = self.connection.getresponse().read().decode()
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))

    def send(self, form: dict[str, str], email: str, client: str) -> tuple[int, bytes]:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Forwarded-For": client,
        }
        body = urlencode({**form, "email": email, "website": ""})
        self.connection.request("POST", "/subscribe", body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def test_a_flood_writes_few_mails_and_keeps_nobody_out(
    daemon: tuple[subprocess.Popen[str], str], site: Path
) -> None:
    eventually((site / "public" / "index.html").exists)
    with closing(Flood(daemon[1])) as visitor:
        form = visitor.form()
    time.sleep(SOONEST.total_seconds() + 0.2)

    def attack(first: int) -> Counter[tuple[int, bytes]]:
        answers = Counter[tuple[int, bytes]]()
        with closing(Flood(daemon[1])) as flood:
            for number in range(first, REQUESTS, THREADS):
                victim, network = (number * 7) % ADDRESSES, number % NETWORKS
                email = f"victim{victim}@example.org"
                answers[flood.send(form, email, f"10.9.{network}.1")] += 1
                if number == REQUESTS // 2:
                    answers[flood.send(form, HONEST, "203.0.113.200")] += 1
        return answers

    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        answers = sum(threads.map(attack, range(THREADS)), Counter[tuple[int, bytes]]())
    seconds = time.monotonic() - began
    eventually(lambda: mails_to(site)[HONEST])
    eventually(lambda: settled(site))

    mails = mails_to(site)
    print(
        f"\n{answers.total():,} requests in {seconds:.0f} s, {len(answers)} kind of answer, "
        f"{mails.total()} mails to {len(mails)} addresses"
    )
    assert [status for status, _ in answers] == [202]  # one answer, byte for byte, for everybody
    assert answers.total() == REQUESTS + 1
    assert mails.total() <= NETWORKS * Budgets().a_network + 1
    assert mails.total() <= ADDRESSES + 1
    assert set(mails.values()) == {1}


def mails_to(site: Path) -> Counter[str]:
    """How many confirmation mails each of them got."""
    found = (mail["To"].addresses[0].addr_spec for mail in inbox(site))
    return Counter(to for to in found if to == HONEST or to.startswith("victim"))


def settled(site: Path) -> bool:
    """Whether no more mails come."""
    before = mails_to(site).total()
    time.sleep(3)
    return mails_to(site).total() == before
