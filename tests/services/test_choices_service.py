"""Series of issues, from the choice to the inbox."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from publisher.domain.choices import Choices
from publisher.domain.controls import Verb
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import Cause, IssueStatus
from publisher.domain.memos import matter_of
from publisher.domain.newsletters import Cadence, Frequency
from publisher.domain.subscribers import ConsentEvent
from publisher.errors import InvalidToken, NotFound
from publisher.render.inlining import fast_inliner
from publisher.render.templates import Templates
from publisher.services import (
    audiences,
    choices,
    controls,
    dashboard,
    deliveries,
    inbox,
    issues,
    posts,
    publishing,
    reader_plots,
    series,
    subscribers,
)
from publisher.services.app import App
from publisher.store import choices as choice_rows
from publisher.store import issues as issue_rows
from tests.factories import make_newsletter
from tests.services.conftest import FakeClock, write_post

FRIDAY = datetime(2026, 10, 2, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai, the weekly slot
START = FRIDAY - timedelta(days=1)
OFFER = (Frequency.DAILY, Frequency.MONTHLY)


def offering(app: App, **changes: Any) -> App:
    values = {"start": START, "frequencies": OFFER, "topics": ("sea", "stars")} | changes
    return replace(app, newsletters=(make_newsletter(**values),))


@pytest.fixture
def offered(app: App, clock: FakeClock) -> App:
    clock.now = START
    choosing = offering(replace(app, templates=Templates(None, fast_inliner())))
    publishing.publish(choosing)  # it has been seen
    return choosing


def join(app: App, name: str, **chosen: Any) -> str:
    email = f"{name}@example.org"
    wanted = Choices(**chosen)
    subscribers.add(app, "weekly", email=email, name="", source="test", choices=wanted)
    return email


def post(app: App, name: str, at: datetime, more: str = "") -> None:
    local = f"{at.astimezone(app.site.zone):%Y-%m-%d %H:%M:%S}"
    write_post(app, f"{name}.md", title=name, date=local, more=f"id: {name}\n{more}")


def token_of(app: App, email: str) -> str:
    row = next(one for one in subscribers.listing(app) if one.address == email)
    return subscribers.unsubscribe_url(app, row.id).rpartition("/")[2]


def mails(app: App) -> dict[str, list[frozenset[str]]]:
    """Address -> the posts of each mail to it, oldest first, as its text names them."""
    found: dict[str, list[frozenset[str]]] = {}
    names = [path.stem for path in app.content.folder.glob("*.md")]
    for mail in reversed(inbox.listing(app)):
        lines = inbox.parts(inbox.read(app, mail.key)).text.splitlines()
        held = frozenset(name for name in names if name in lines)
        found.setdefault(mail.recipient, []).append(held)
    return found


def periods(app: App) -> list[tuple[str, str, str]]:
    """Series, period and status of every issue, oldest first."""
    rows = reversed(issues.listing(app))
    return [(issue.series, issue.period, issue.status.value) for issue in rows]


def test_each_frequency_has_issues_of_its_own(offered: App, clock: FakeClock) -> None:
    join(offered, "weekly")
    join(offered, "daily", frequency="daily")
    post(offered, "one", START + timedelta(hours=1))
    post(offered, "two", FRIDAY + timedelta(hours=1))

    for day in range(4):
        clock.now = FRIDAY + timedelta(days=day)
        publishing.publish(offered)

    assert mails(offered) == {
        "weekly@example.org": [{"one"}],
        "daily@example.org": [{"one"}, {"two"}],
    }
    assert ("", "W:2026-W40", "sent") in periods(offered)
    assert ("daily", "D:2026-10-02", "sent") in periods(offered)
    assert ("daily", "D:2026-10-05", "skipped") in periods(offered)
    empty = [one for one in issues.listing(offered) if one.cause is Cause.NO_POSTS and one.series]
    assert {matter_of(one) for one in empty} == {None}  # an ordinary day is no news


def test_a_frequency_that_nobody_chose_has_no_issues(offered: App, clock: FakeClock) -> None:
    join(offered, "weekly")
    post(offered, "one", START + timedelta(hours=1))
    clock.now = FRIDAY
    publishing.publish(offered)
    assert {kind for kind, _, _ in periods(offered)} == {""}
    assert [one.series for one in series.everything(offered)] == [None]


def test_a_series_opens_where_its_newsletter_stands_and_closes_behind_its_last_reader(
    offered: App, clock: FakeClock
) -> None:
    join(offered, "weekly")
    post(offered, "old", START + timedelta(hours=1))
    clock.now = FRIDAY
    publishing.publish(offered)
    daily = join(offered, "daily", frequency="daily")
    post(offered, "new", FRIDAY + timedelta(hours=1))

    clock.now = FRIDAY + timedelta(days=1, hours=1)
    publishing.publish(offered)  # it opens now: what was due before is no slot of its own
    clock.now = FRIDAY + timedelta(days=2)
    publishing.publish(offered)

    assert mails(offered)[daily] == [{"new"}]
    assert [period for kind, period, _ in periods(offered) if kind] == ["D:2026-10-04"]
    choices.choose(offered, daily, "weekly", Choices())
    clock.now = FRIDAY + timedelta(days=3)
    publishing.publish(offered)
    assert [one.series for one in series.everything(offered)] == [None]


def test_from_weekly_to_monthly_nothing_comes_twice(offered: App, clock: FakeClock) -> None:
    ann, stays = join(offered, "ann"), join(offered, "stays", frequency="monthly")
    post(offered, "one", START + timedelta(hours=1))
    post(offered, "two", FRIDAY + timedelta(days=1))
    clock.now = FRIDAY
    publishing.publish(offered)
    choices.choose(offered, ann, "weekly", Choices(frequency="monthly"))

    for at in (FRIDAY + timedelta(weeks=1), datetime(2026, 11, 1, 0, 0, tzinfo=UTC)):
        clock.now = at
        publishing.send(offered)

    assert mails(offered) == {ann: [{"one"}, {"two"}], stays: [{"one", "two"}]}


def test_from_monthly_to_daily_nothing_is_lost(offered: App, clock: FakeClock) -> None:
    ann = join(offered, "ann", frequency="monthly")
    join(offered, "dan", frequency="daily")
    for day in range(3):
        post(offered, f"post{day}", START + timedelta(days=day, hours=1))
        clock.now = FRIDAY + timedelta(days=day)
        publishing.publish(offered)
    choices.choose(offered, ann, "weekly", Choices(frequency="daily"))
    post(offered, "last", clock.now + timedelta(hours=1))
    clock.now += timedelta(days=1)
    publishing.publish(offered)
    post(offered, "later", clock.now + timedelta(hours=1))
    clock.now += timedelta(days=1)
    publishing.publish(offered)

    assert mails(offered)[ann] == [{"post0", "post1", "post2", "last"}, {"later"}]


def test_who_begins_is_owed_nothing_from_before(offered: App, clock: FakeClock) -> None:
    ann = join(offered, "ann")
    join(offered, "dan", frequency="daily")
    post(offered, "one", START + timedelta(hours=1))
    clock.now = FRIDAY + timedelta(hours=2)
    publishing.publish(offered)
    post(offered, "two", FRIDAY + timedelta(hours=3))
    clock.now = FRIDAY + timedelta(days=1)
    publishing.publish(offered)
    subscribers.unsubscribe(offered, token_of(offered, ann))
    with offered.store.begin() as tx:
        number = subscribers.find_by_token(offered, token_of(offered, ann)).id
        series.change(offered, tx, subscribers.get(offered, number), Choices(frequency="daily"))
        assert choice_rows.balances_of(tx, [number])[number].owed == {"two"}
    subscribers.ask_again(offered, token_of(offered, ann), ip="")
    subscribers.confirm_by_operator(offered, ann)
    post(offered, "three", clock.now + timedelta(hours=1))
    clock.now += timedelta(days=1)
    publishing.publish(offered)

    letters = [held for held in mails(offered)[ann] if held]  # and one that asked to confirm
    assert letters == [{"one"}, {"three"}]


def test_topics_make_as_many_letters_as_there_are_different_ones(
    offered: App, clock: FakeClock
) -> None:
    post(offered, "sea", START + timedelta(hours=1), "tags: [sea]\n")
    post(offered, "plain", START + timedelta(hours=2))
    everything = [join(offered, "ann"), join(offered, "both", topics=frozenset())]
    by_sea = [
        join(offered, "sea", topics=frozenset({"sea"})),
        join(offered, "more", topics=frozenset({"sea", "stars"})),
    ]
    nothing = join(offered, "stars", topics=frozenset({"stars"}))
    clock.now = FRIDAY
    report = publishing.publish(offered)

    got = mails(offered)
    assert all(got[each] == [{"sea", "plain"}] for each in everything)
    assert all(got[each] == [{"sea"}] for each in by_sea)
    assert nothing not in got
    number = report.issues[0].issue.id
    renderings = {each.posts: each.recipients for each in issues.variants_of(offered, number)}
    assert renderings == {("plain", "sea"): 2, ("sea",): 2}
    assert report.issues[0].counts == {DeliveryStatus.SENT: 4}


def test_an_issue_that_nobody_likes_is_sent_to_nobody(offered: App, clock: FakeClock) -> None:
    post(offered, "plain", START + timedelta(hours=2))
    join(offered, "stars", topics=frozenset({"stars"}))
    clock.now = FRIDAY
    report = publishing.publish(offered)
    assert (report.issues[0].finished, report.issues[0].counts) == (True, {})


def test_the_words_of_a_letter_are_its_reader_s(offered: App, clock: FakeClock) -> None:
    post(offered, "one", START + timedelta(hours=1))
    for name, language in (("en", ""), ("gb", "en-GB"), ("zh", "zh-CN"), ("xx", "xx")):
        email = join(offered, name)
        row = next(one for one in subscribers.listing(offered) if one.address == email)
        with offered.store.begin() as tx:
            tx.exec_driver_sql(
                "UPDATE subscriptions SET language = ? WHERE id = ?", (language, row.id)
            )
    clock.now = FRIDAY
    report = publishing.publish(offered)
    found = {
        mail.recipient.partition("@")[0]: "退订" in inbox.parts(inbox.read(offered, mail.key)).text
        for mail in inbox.listing(offered)
    }
    assert found == {"en": False, "gb": False, "zh": True, "xx": False}
    assert len(issues.variants_of(offered, report.issues[0].issue.id)) == 2


def assemble(app: App) -> int:
    """Settles what is due of the newsletter's own series, and stops there."""
    now = app.clock()
    library = posts.load(app, now=now)
    newsletter = app.newsletters[0]
    issues.reconcile(app, newsletter, now=now, library=library)
    made = issues.assemble(app, issues.plan(app, newsletter, library, now=now))
    assert made is not None
    return made.issue


def test_who_goes_before_the_rows_are_written_gets_it_with_the_other_series(
    offered: App, clock: FakeClock
) -> None:
    ann, bob = join(offered, "ann"), join(offered, "bob")
    join(offered, "dan", frequency="daily")
    post(offered, "one", START + timedelta(hours=1))
    clock.now = FRIDAY
    assemble(offered)
    choices.choose(offered, ann, "weekly", Choices(frequency="daily"))
    publishing.publish(offered)
    clock.now += timedelta(days=1)
    publishing.publish(offered)

    assert mails(offered)[ann] == [{"one"}]
    assert mails(offered)[bob] == [{"one"}]
    assert [row.issue for row in deliveries.listing(offered) if row.address == ann] != [1]


def test_who_goes_while_the_rows_are_written_gets_each_post_once(
    offered: App, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiences, "FAN_OUT", 1)
    people = [join(offered, f"reader{number}") for number in range(6)]
    coming = join(offered, "coming", frequency="monthly")
    join(offered, "month", frequency="monthly")
    series.tend_all(offered)
    post(offered, "one", START + timedelta(hours=1))
    clock.now = FRIDAY
    number = assemble(offered)
    asked = iter(range(100))

    def after_two() -> bool:
        if next(asked) == 2:  # two of the rows are there
            for email in people:
                choices.choose(offered, email, "weekly", Choices(frequency="monthly"))
            choices.choose(offered, coming, "weekly", Choices(topics=frozenset()))
        return False

    issue = issues.get(offered, number)
    assert audiences.write_rows(offered, issue, stopping=after_two)
    early = {row.address for row in deliveries.listing(offered, issue=number)}
    assert len(early - {coming}) == 2
    assert coming in early
    publishing.publish(offered)
    clock.now = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)
    publishing.send(offered)

    got = mails(offered)
    assert {email: got.get(email) for email in people} == {key: [{"one"}] for key in people}
    assert got[coming] == [{"one"}]


def test_rows_that_were_cut_are_completed(
    offered: App, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiences, "FAN_OUT", 1)
    people = [join(offered, f"r{n}", topics=frozenset({"sea"})) for n in range(5)]
    post(offered, "sea", START + timedelta(hours=1), "tags: [sea]\n")
    post(offered, "plain", START + timedelta(hours=2))
    clock.now = FRIDAY
    number = assemble(offered)
    cuts = iter([False, False, True])
    assert not audiences.write_rows(
        offered, issues.get(offered, number), stopping=lambda: next(cuts)
    )
    assert issues.get(offered, number).status is IssueStatus.PLANNED
    publishing.publish(offered)
    assert mails(offered) == {email: [{"sea"}] for email in people}


def test_a_held_issue_of_a_series_gives_way_to_its_next_only(app: App, clock: FakeClock) -> None:
    clock.now = START
    asking = offering(app, approval=True)
    publishing.publish(asking)
    join(asking, "ann")
    dan = join(asking, "dan", frequency="daily")
    post(asking, "one", START + timedelta(hours=1))
    for day in range(2):
        clock.now = FRIDAY + timedelta(days=day)
        publishing.publish(asking)
        post(asking, f"more{day}", clock.now + timedelta(hours=1))

    found = {(one.series, one.period): (one.status, one.cause) for one in issues.listing(asking)}
    assert found["", "W:2026-W40"] == (IssueStatus.HELD, Cause.APPROVAL)
    assert found["daily", "D:2026-10-02"] == (IssueStatus.SKIPPED, Cause.SUPERSEDED)
    assert found["daily", "D:2026-10-03"] == (IssueStatus.HELD, Cause.APPROVAL)
    held = next(one for one in issues.listing(asking) if one.period == "D:2026-10-03")
    controls.decide(asking, Verb.APPROVE, held.id)
    publishing.publish(asking)
    assert mails(asking) == {dan: [{"one", "more0"}]}


def test_after_downtime_each_series_catches_up_with_one_issue(
    offered: App, clock: FakeClock
) -> None:
    dan = join(offered, "dan", frequency="daily")
    series.tend_all(offered)
    for day in range(3):
        post(offered, f"post{day}", START + timedelta(days=day, hours=1))
    clock.now = FRIDAY + timedelta(days=2, hours=1)
    publishing.publish(offered)
    assert mails(offered) == {dan: [{"post0", "post1", "post2"}]}
    found = [(period, status) for kind, period, status in periods(offered) if kind]
    assert found == [
        ("D:2026-10-01", "skipped"),
        ("D:2026-10-02", "skipped"),
        ("D:2026-10-03", "skipped"),
        ("D:2026-10-04", "sent"),
    ]


def test_when_cadence_and_offer_change_places_nobody_loses_or_doubles_a_post(
    offered: App, clock: FakeClock
) -> None:
    weekly, monthly = join(offered, "w"), join(offered, "m", frequency="monthly")
    post(offered, "one", START + timedelta(hours=1))
    clock.now = FRIDAY
    publishing.publish(offered)  # weekly has one; monthly waits for it
    old = offered.newsletters[0].schedule
    swapped = offering(
        offered,
        schedule=replace(old, cadence=Cadence.MONTHLY),
        frequencies=(Frequency.WEEKLY,),
    )
    choices.choose(swapped, weekly, "weekly", Choices(frequency="weekly"))
    post(offered, "two", FRIDAY + timedelta(hours=1))
    for at in (FRIDAY + timedelta(weeks=1), datetime(2026, 11, 1, 0, 0, tzinfo=UTC)):
        clock.now = at
        publishing.send(swapped)

    assert mails(offered) == {weekly: [{"one"}, {"two"}], monthly: [{"one", "two"}]}


def test_a_withdrawn_offer_moves_its_readers_and_back(offered: App, clock: FakeClock) -> None:
    join(offered, "w")
    dan, eve = join(offered, "dan", frequency="daily"), join(offered, "eve", frequency="daily")
    post(offered, "one", START + timedelta(hours=1))
    clock.now = FRIDAY - timedelta(hours=23)
    series.tend_all(offered)
    clock.now = FRIDAY
    publishing.publish(offered)
    post(offered, "two", FRIDAY + timedelta(hours=1))
    clock.now = FRIDAY + timedelta(days=1)
    publishing.publish(offered)  # daily: one, two; weekly: one

    without = offering(offered, frequencies=())
    post(offered, "three", clock.now + timedelta(hours=1))
    clock.now = FRIDAY + timedelta(weeks=1)
    publishing.publish(without)
    assert mails(offered)[dan] == [{"one"}, {"two"}, {"three"}]
    assert [one.series for one in series.everything(without)] == [None]

    post(offered, "four", clock.now + timedelta(hours=1))
    publishing.publish(offered)  # offered again: the choice counts again
    clock.now += timedelta(days=1)
    publishing.publish(offered)
    assert mails(offered)[dan] == mails(offered)[eve] == [{"one"}, {"two"}, {"three"}, {"four"}]


def test_balances_are_even_again_after_an_issue(offered: App, clock: FakeClock) -> None:
    ann = join(offered, "ann")
    join(offered, "dan", frequency="daily")
    post(offered, "one", START + timedelta(hours=1))
    clock.now = FRIDAY + timedelta(hours=1)
    publishing.publish(offered)
    post(offered, "two", FRIDAY + timedelta(hours=2))
    clock.now = FRIDAY + timedelta(days=1)
    publishing.publish(offered)
    choices.choose(offered, ann, "weekly", Choices(frequency="daily"))
    post(offered, "three", clock.now + timedelta(hours=1))
    with offered.store.read() as tx:
        assert len(choice_rows.balances_in(tx, "weekly")) == 1
    clock.now += timedelta(days=1)
    publishing.publish(offered)
    with offered.store.read() as tx:
        assert choice_rows.balances_in(tx, "weekly") == {}


def test_less_often_is_a_choice_with_its_evidence(offered: App) -> None:
    ann = join(offered, "ann", frequency="daily", topics=frozenset({"sea"}))
    token = token_of(offered, ann)
    assert choices.less_often(offered, token).choices == Choices(topics=frozenset({"sea"}))
    assert choices.less_often(offered, token).choices.frequency == "monthly"
    with pytest.raises(InvalidToken):
        choices.less_often(offered, token)
    said = [
        (one.event, one.evidence.source)
        for one in subscribers.evidence(offered, ann)
        if one.event is ConsentEvent.CHANGED
    ]
    assert said == [
        (ConsentEvent.CHANGED, "unsubscribe page: topics: sea"),
        (ConsentEvent.CHANGED, "unsubscribe page: monthly; topics: sea"),
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        Choices(frequency="instant"),
        Choices(topics=frozenset({"bread"})),
        Choices(languages=frozenset({"fr"})),
    ],
)
def test_an_operator_is_told_what_is_not_on_offer(offered: App, wanted: Choices) -> None:
    ann = join(offered, "ann")
    with pytest.raises(NotFound, match="newsletter weekly offers"):
        choices.choose(offered, ann, "weekly", wanted)
    with pytest.raises(NotFound, match="nobody"):
        choices.choose(offered, "nobody@example.org", "weekly", Choices())


def test_a_post_that_was_hidden_since_is_in_no_letter_drawn_later(
    offered: App, clock: FakeClock
) -> None:
    join(offered, "ann", topics=frozenset({"sea"}))
    post(offered, "sea", START + timedelta(hours=1), "tags: [sea]\n")
    post(offered, "secret", START + timedelta(hours=2), "tags: [sea]\n")
    clock.now = FRIDAY
    assemble(offered)
    (offered.content.folder / "secret.md").unlink()
    publishing.publish(offered)
    with offered.store.read() as tx:
        kept = {one.key: one.posts for one in issue_rows.variants_of(tx, 1)}
    assert kept.pop("default") == ("secret", "sea")
    assert list(kept.values()) == [("sea",)]


def test_the_numbers_of_readers_are_plotted(offered: App) -> None:
    join(offered, "ann")
    join(offered, "bob", frequency="daily", topics=frozenset({"sea", "stars"}))
    join(offered, "eve", frequency="daily", topics=frozenset({"sea"}))
    plots = {key: dashboard.plot(offered, key) for key in reader_plots.PLOTS}
    columns = {
        key: dict(zip(plot.labels, plot.series[0][1], strict=True))
        for key, plot in plots.items()
        if plot.series
    }
    assert columns["frequencies"] == {"own": 1, "daily": 2, "monthly": 0}
    assert columns["topics"] == {"all": 1, "sea": 2, "stars": 1}
    assert columns["languages"] == {"en": 3}
    assert columns["funnel"] == {"requested": 0, "mailed": 0, "confirmed": 0}
    assert plots["post-languages"].is_empty
