"""Polls: what asks for a feed, and how many people stand behind it.

A hosted reader says in its User-Agent for how many it asks; any other reader is one person. All of
this is visitor input: a lower bound where readers are honest, and capped where they are not.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from publisher.domain.macs import mac

WINDOW = timedelta(days=7)
"""Who has not asked for so long is not counted any more."""

MOST_CLAIMED = 100_000
"""What one hosted reader may claim for a feed, over all its feed ids."""

MOST_HOSTED = 50
"""So many hosted readers of a feed are believed: those that claim the least."""

OTHER_FEEDS = "other"
"""The name of all feeds but the main ones: labels of metrics are a closed set."""

_CLAIM = re.compile(r"(\d+)\s+(?:subscribers?|readers?)\b", re.IGNORECASE)
_FEED_ID = re.compile(r"feed-id[=:]\s*([\w-]{1,64})", re.IGNORECASE)
_FAMILY = re.compile(r"[a-z][a-z0-9 ._-]*", re.IGNORECASE)
_READER = re.compile(
    r"thunderbird|seamonkey|liferea|akregator|vivaldi-feed|rss|feed", re.IGNORECASE
)
_NOBODY = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|scan|monitor|uptime|validator|preview|archiv|headless"
    r"|^(?:curl|wget|python|go-http|java|okhttp|axios|libwww|apache-httpclient)",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks, and for how many. `hosted` readers are known by their names, others by nothing."""

    reader: str
    feed_id: str
    people: int
    hosted: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One reader of a feed as it is kept. `group`: the hosted reader's name, or the week."""

    hosted: bool
    group: str
    people: int


def claim_of(agent: str) -> Claim | None:
    """Who a User-Agent says that it is; None for browsers and robots, behind which nobody reads."""
    if found := _CLAIM.search(agent):
        identity = _FEED_ID.search(agent)
        name = _DIGITS.sub("#", _FEED_ID.sub("", agent))  # the same when the number changes
        people = min(int(found[1][:12]), MOST_CLAIMED)
        return Claim(name[:_LONGEST], identity[1] if identity else "", people, hosted=True)
    family = _FAMILY.match(agent)
    is_browser = agent.startswith(("Mozilla/", "Opera/")) and not _READER.search(agent)
    if family is None or is_browser or _NOBODY.search(agent):
        return None
    return Claim(family[0].strip().lower()[:_LONGEST], "", 1, hosted=False)


def pseudonym(key: bytes, *, week: str, client: str, family: str) -> str:
    """A reader's name for a week, from which the network address cannot be read back."""
    said = f"{week}\0{client}\0{family}".encode("utf-8", "replace")
    return mac(key, said)[:12].hex()


def estimate(readers: Iterable[Seen]) -> int:
    """How many people read, at least.

    Hosted readers each say it, over all ids that they have for the feed. Others count one each;
    names change with the week, so of two weeks in the window the one with more counts.
    """
    hosted: defaultdict[str, int] = defaultdict(int)
    weeks: defaultdict[str, int] = defaultdict(int)
    for reader in readers:
        (hosted if reader.hosted else weeks)[reader.group] += reader.people
    believed = sorted(min(people, MOST_CLAIMED) for people in hosted.values())[:MOST_HOSTED]
    return sum(believed) + max(weeks.values(), default=0)
