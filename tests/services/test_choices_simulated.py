"""Twelve weeks in which people choose, change, pause and leave at random, on a real database.

The model knows nothing of series and balances. It keeps, for each person, the posts that are
behind them; at each slot of their frequency they are owed every other post there is by then, as
far as it is to their taste.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select, update

from publisher.domain.addresses import parse_address
from publisher.domain.choices import Choices
from publisher.domain.issues import IssueStatus
from publisher.domain.newsletters import Frequency, upcoming
from publisher.domain.series import in_series, series_of
from publisher.domain.subscribers import Evidence, Subscription
from publisher.render.inlining import fast_inliner
from publisher.render.templates import Templates
from publisher.services import audiences, choices, issues, posts, series, subscribers
from publisher.services.app import App
from publisher.store import issues as issue_rows
from publisher.store import subscribers as subscriber_rows
from publisher.store.tables import deliveries, variants
from tests.factories import make_newsletter
from tests.services.conftest import FakeClock, write_post

START = datetime(2026, 8, 31, 0, 0, tzinfo=UTC)  # a Monday, and the 31st in Shanghai
STEP = timedelta(hours=12)
WEEKS = 12
TOPICS = ("sea", "stars", "bread")
LANGUAGES = ("en", "zh")
FREQUENCIES = ("", "instant", "daily", "biweekly", "monthly")  # its own is weekly

OFFERING = make_newsletter(
    start=START,
    frequencies=tuple(Frequency(each) for each in FREQUENCIES[1:]),
    topics=TOPICS,
    languages=LANGUAGES,
)


@dataclass
class Post:
    """What the model knows of a post."""

    at: datetime
    tags: frozenset[str]
    language: str


@dataclass
class Person:
    """What the model knows of somebody. `behind`: what they had, let go, or were never owed."""

    email: str
    chosen: Choices
    row: Subscription
    behind: set[str] = field(default_factory=set)
    expected: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    paused_until: datetime = START
    has_left: bool = False

    def likes(self, post: Post) -> bool:
        topics, languages = self.chosen.topics, self.chosen.languages
        return (not topics or bool(topics & post.tags)) and (
            not languages or post.language in languages
        )


class World:
    """The services under test, and the model beside them."""

    def __init__(self, app: App, clock: FakeClock, *, people: int, seed: int) -> None:
        quick = Templates(None, fast_inliner())
        kept = replace(app.content, cache=app.folders.state / "cache")
        self.app = replace(app, newsletters=(OFFERING,), templates=quick, content=kept)
        self.clock, self.random = clock, Random(seed)  # a test that repeats
        self.posts = self._write_posts()
        self.carried: dict[str, set[str]] = {each: set() for each in FREQUENCIES}
        self.people: list[Person] = []
        for number in range(people):
            self.join(number, FREQUENCIES[number % 5] if number < 5 else None)

    def _write_posts(self) -> dict[str, Post]:
        found = {}
        for number in range(WEEKS * 5):
            at = START + timedelta(minutes=self.random.randrange(WEEKS * 7 * 24 * 60))
            tags = frozenset(self.random.sample(TOPICS, self.random.randrange(3)))
            language = self.random.choice(LANGUAGES)
            more = f"id: p{number}\ntags: [{', '.join(sorted(tags))}]\nlang: {language}\n"
            local = at.astimezone(self.app.site.zone)
            name, date = f"p{number}.md", f"{local:%Y-%m-%d %H:%M:%S}"
            write_post(self.app, name, title=f"Post {number}", date=date, more=more)
            found[f"p{number}"] = Post(at=at, tags=tags, language=language)
        return found

    def choices(self) -> Choices:
        topics = frozenset(self.random.sample(TOPICS, self.random.choice((0, 0, 1, 2))))
        languages = frozenset(self.random.sample(LANGUAGES, self.random.choice((0, 0, 0, 1))))
        frequency = self.random.choice(FREQUENCIES)
        return Choices(frequency=frequency, topics=topics, languages=languages)

    def join(self, number: int, frequency: str | None = None) -> None:
        email, chosen = f"reader{number}@example.org", self.choices()
        if frequency is not None:  # somebody stays in each series
            chosen = replace(chosen, frequency=frequency)
        subscribers.add(self.app, "weekly", email=email, name="", source="test", choices=chosen)
        with self.app.store.read() as tx:
            row = subscriber_rows.of_address(tx, parse_address(email), "weekly")
        assert row is not None
        behind = set(self.carried[chosen.frequency])
        self.people.append(Person(email=email, chosen=chosen, row=row, behind=behind))

    def change(self) -> None:
        for person in self.people[5:]:
            lot = self.random.random()
            if person.has_left:
                continue
            if lot < 0.016:
                person.chosen = self.choices()
                choices.choose(self.app, person.email, "weekly", person.chosen)
            elif lot < 0.020:
                person.paused_until = self.clock.now + timedelta(days=self.random.randrange(40))
                self._pause(person)
            elif lot < 0.021:
                subscribers.remove(self.app, person.email)
                person.has_left = True
        if self.random.random() < 0.2:
            self.join(len(self.people))

    def _pause(self, person: Person) -> None:
        with self.app.store.begin() as tx:
            subscriber_rows.choose(
                tx,
                person.row.id,
                language="",
                paused_until=person.paused_until,
                evidence=Evidence(source="test"),
                now=self.clock.now,
            )

    def work(self) -> None:
        """What the daemon does at each tick, but that no mail leaves."""
        app, now = self.app, self.clock.now
        series.tend_all(app)
        library = posts.load(app, now=now)
        for each in series.everything(app):
            issues.reconcile(app, each, now=now, library=library)
            issues.assemble(app, issues.plan(app, each, library, now=now))
        with app.store.read() as tx:
            unfinished = issue_rows.unfinished(tx)
        for issue in unfinished:
            assert audiences.write_rows(app, issue, stopping=lambda: False)
            with app.store.begin() as tx:
                tx.execute(
                    update(deliveries)
                    .where(deliveries.c.issue == issue.id)
                    .values(status="sent", changed_at=now)
                )
                tx.exec_driver_sql("UPDATE delivery_batches SET is_open = 0")
                assert issue_rows.finish(tx, issue.id, now=now)

    def expect(self, before: datetime) -> None:
        """What the model says of the slots that have passed since then."""
        now = self.clock.now
        for frequency in FREQUENCIES:
            for slot in self._slots(frequency, before, now):
                there = {key for key, post in self.posts.items() if post.at <= slot}
                fresh = there - self.carried[frequency]
                if not fresh:
                    continue  # no issue without new posts
                self.carried[frequency] |= fresh
                for person in self.people:
                    if person.chosen.frequency == frequency and not person.has_left:
                        self._expect(person, there)

    def _expect(self, person: Person, there: set[str]) -> None:
        owed = there - person.behind
        person.behind |= owed
        wanted = frozenset(key for key in owed if person.likes(self.posts[key]))
        if wanted and person.paused_until <= self.clock.now:
            person.expected.append((person.chosen.frequency, wanted))

    def _slots(self, frequency: str, before: datetime, now: datetime) -> list[datetime]:
        chosen = series_of(OFFERING, frequency)
        if chosen is Frequency.INSTANT:
            return [now]
        schedule = (in_series(OFFERING, chosen) if chosen else OFFERING).schedule
        return [p.slot for p in upcoming(schedule, before, 2) if p.slot <= now]

    def got(self) -> dict[int, list[tuple[str, frozenset[str]]]]:
        """Subscription -> series and posts of each of its deliveries, in their order."""
        with self.app.store.read() as tx:
            rows = tx.execute(
                select(deliveries.c.subscription, deliveries.c.issue, variants.c.posts)
                .join(
                    variants,
                    (variants.c.issue == deliveries.c.issue)
                    & (variants.c.key == deliveries.c.variant),
                )
                .order_by(deliveries.c.issue)
            ).all()
            kinds = {issue.id: issue.series for issue in issue_rows.listing(tx)}
        found: dict[int, list[tuple[str, frozenset[str]]]] = {}
        for row in rows:
            ids = frozenset(row.posts.strip("[]").replace('"', "").split(", "))
            found.setdefault(row.subscription, []).append((kinds[row.issue], ids))
        return found


@pytest.mark.parametrize(
    ("people", "seed"),
    [(120, 1), *(pytest.param(500, seed, marks=pytest.mark.acceptance) for seed in (2, 3, 4))],
)
def test_everybody_gets_each_post_once_in_the_digest_of_their_frequency(
    app: App, clock: FakeClock, people: int, seed: int
) -> None:
    clock.now = START
    world = World(app, clock, people=people, seed=seed)
    while clock.now < START + timedelta(weeks=WEEKS):
        before, clock.now = clock.now, clock.now + STEP
        world.work()
        world.expect(before)
        world.change()

    got = world.got()
    for person in world.people:
        theirs = got.get(person.row.id, [])
        assert theirs == person.expected, person
        counts = Counter(post for _, ids in theirs for post in ids)
        assert not counts or max(counts.values()) == 1
    statuses = {(issue.series, issue.status) for issue in issues.listing(world.app)}
    assert {kind for kind, status in statuses if status is IssueStatus.SENT} == set(FREQUENCIES)
