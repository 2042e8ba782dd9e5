from datetime import UTC, datetime, timedelta

import pytest
from pyotp import TOTP, parse_uri

from publisher.domain.admins import FAILURES
from publisher.errors import Conflict, LoginRefused, TooOften
from publisher.services import admins, second_factors
from publisher.services.app import App
from publisher.services.second_factors import confirm, propose, turn_off
from publisher.store import admins as rows
from tests.services.conftest import FakeClock

PASSWORD = "a lamp in every window"
STEP = timedelta(seconds=30)


@pytest.fixture
def totp(app: App, clock: FakeClock) -> TOTP:
    """The authenticator of Ann, who uses one; the code that confirmed it is two steps old."""
    admins.add(app, "ann", PASSWORD)
    authenticator = TOTP(propose(app, admins.get(app, "ann")).secret)
    confirm(app, admins.get(app, "ann"), authenticator.at(clock.now))
    clock.now += 2 * STEP
    return authenticator


def log_in(app: App, code: str = "", *, password: str = PASSWORD) -> admins.Login:
    return admins.log_in(app, "ann", password, client="203.0.113.5", code=code)


def test_who_uses_a_second_factor_needs_password_and_code(
    app: App, totp: TOTP, clock: FakeClock
) -> None:
    code = totp.at(clock.now)
    for wrong in ("", code[1:], f"{code}0", str((int(code) + 1) % 10**6).zfill(6), "é", "\ud800"):
        with pytest.raises(LoginRefused):
            log_in(app, wrong)
    with pytest.raises(LoginRefused):
        log_in(app, code, password="another lamp in the window")
    assert log_in(app, code).admin.name == "ann"


def test_a_code_of_the_rfc_is_right(app: App, clock: FakeClock) -> None:
    """Appendix B of RFC 6238; the secret is that of its tests, and the code its last six digits."""
    clock.now = datetime.fromtimestamp(1111111109, UTC)
    admins.add(app, "ann", PASSWORD)
    with app.store.begin() as tx:
        rows.set_totp_secret(tx, admins.get(app, "ann").id, "GEZDGNBVGY3TQOJQ" * 2)
    with pytest.raises(Conflict):
        confirm(app, admins.get(app, "ann"), "081805")
    confirm(app, admins.get(app, "ann"), "081804")
    assert admins.get(app, "ann").has_second_factor


@pytest.mark.parametrize("typed", ["{} {}", "{}\u3000{}", " {}{}\n"])
def test_a_code_may_be_typed_as_it_is_shown(
    app: App, totp: TOTP, clock: FakeClock, typed: str
) -> None:
    code = totp.at(clock.now)
    assert log_in(app, typed.format(code[:3], code[3:]))


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, 0), (-1, 1), (0, 1), (1, 1), (2, 0)])
def test_a_clock_may_be_one_step_off(
    app: App, totp: TOTP, clock: FakeClock, steps: int, is_taken: int
) -> None:
    clock.now += 10 * STEP
    code = totp.at(clock.now + steps * STEP)
    if is_taken:
        assert log_in(app, code)
    else:
        with pytest.raises(LoginRefused):
            log_in(app, code)


def test_a_code_opens_once_and_no_earlier_one_after_it(
    app: App, totp: TOTP, clock: FakeClock
) -> None:
    log_in(app, totp.at(clock.now))
    for used in (totp.at(clock.now), totp.at(clock.now - STEP)):
        with pytest.raises(LoginRefused):
            log_in(app, used)
    clock.now += STEP
    with pytest.raises(LoginRefused):
        log_in(app, totp.at(clock.now - STEP))
    assert log_in(app, totp.at(clock.now))


def test_of_two_who_hold_the_same_code_one_gets_in(app: App, totp: TOTP, clock: FakeClock) -> None:
    ann, code = admins.get(app, "ann"), totp.at(clock.now)  # both have read her row before
    with app.store.begin() as tx:
        assert second_factors.is_met(tx, ann, code, now=clock.now)
    with app.store.begin() as tx:
        assert not second_factors.is_met(tx, ann, code, now=clock.now)


def test_the_code_that_confirmed_the_secret_opens_nothing(app: App, clock: FakeClock) -> None:
    admins.add(app, "ann", PASSWORD)
    totp = TOTP(propose(app, admins.get(app, "ann")).secret)
    confirm(app, admins.get(app, "ann"), totp.at(clock.now))
    with pytest.raises(LoginRefused):
        log_in(app, totp.at(clock.now))


def test_wrong_and_used_codes_are_failures_like_wrong_passwords(
    app: App, totp: TOTP, clock: FakeClock
) -> None:
    log_in(app, totp.at(clock.now))
    for _ in range(FAILURES):
        with pytest.raises(LoginRefused):
            log_in(app, totp.at(clock.now))
    clock.now += STEP
    with pytest.raises(TooOften):
        log_in(app, totp.at(clock.now))


def test_a_wrong_password_does_not_use_up_the_code(app: App, totp: TOTP, clock: FakeClock) -> None:
    code = totp.at(clock.now)
    with pytest.raises(LoginRefused):
        log_in(app, code, password="another lamp in the window")
    assert log_in(app, code)


def test_a_secret_that_nobody_confirmed_is_not_asked_for(app: App, clock: FakeClock) -> None:
    admins.add(app, "ann", PASSWORD)
    earlier = propose(app, admins.get(app, "ann"))
    later = propose(app, admins.get(app, "ann"))
    assert log_in(app)
    with pytest.raises(Conflict, match="not right"):
        confirm(app, admins.get(app, "ann"), TOTP(earlier.secret).at(clock.now))
    assert not admins.get(app, "ann").has_second_factor
    confirm(app, admins.get(app, "ann"), TOTP(later.secret).at(clock.now))
    with pytest.raises(LoginRefused):
        log_in(app)


def test_every_session_of_theirs_ends_when_it_is_turned_on_and_when_it_is_turned_off(
    app: App, clock: FakeClock
) -> None:
    admins.add(app, "ann", PASSWORD)
    admins.add(app, "ben", PASSWORD)
    admins.log_in(app, "ben", PASSWORD, client="203.0.113.5")
    log_in(app)
    totp = TOTP(propose(app, admins.get(app, "ann")).secret)
    assert len(admins.sessions(app)) == 2
    confirm(app, admins.get(app, "ann"), totp.at(clock.now))
    assert [one.admin.name for one in admins.sessions(app)] == ["ben"]
    clock.now += STEP
    log_in(app, totp.at(clock.now))
    turn_off(app, admins.get(app, "ann"))
    assert [one.admin.name for one in admins.sessions(app)] == ["ben"]
    assert log_in(app).admin.totp_secret == ""
    done = [(one.who, one.action, one.detail) for one in admins.deeds(app)]
    assert done.count(("command", "admin totp", "ann")) == 1
    assert done.count(("command", "admin totp off", "ann")) == 1


@pytest.mark.parametrize("change", ["second factor", "password"])
def test_a_login_that_has_begun_does_not_outlive_the_end_of_all_sessions(
    app: App, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    admins.add(app, "ann", PASSWORD)
    proposal = propose(app, admins.get(app, "ann"))

    def verify(*_: str) -> bool:
        """The password is right, and everything changes while it is looked at."""
        if change == "password":
            admins.change_password(app, "ann", "another lamp in the window", who="command")
        else:
            confirm(app, admins.get(app, "ann"), TOTP(proposal.secret).at(clock.now))
        return True

    monkeypatch.setattr(admins, "_verify", verify)
    with pytest.raises(LoginRefused):
        log_in(app)
    assert admins.sessions(app) == []


def test_a_code_does_not_confirm_the_secret_that_came_after_its_own(
    app: App, clock: FakeClock
) -> None:
    admins.add(app, "ann", PASSWORD)
    earlier = propose(app, admins.get(app, "ann"))
    ann = admins.get(app, "ann")
    propose(app, ann)
    with pytest.raises(Conflict, match="not right"):
        confirm(app, ann, TOTP(earlier.secret).at(clock.now))
    assert not admins.get(app, "ann").has_second_factor


def test_what_does_not_fit_is_refused_and_changes_nothing(app: App, totp: TOTP) -> None:
    ann = admins.get(app, "ann")
    with pytest.raises(Conflict, match="--off"):
        propose(app, ann)
    with pytest.raises(Conflict, match="--off"):
        confirm(app, ann, "123456")
    assert admins.get(app, "ann") == ann
    turn_off(app, ann)
    with pytest.raises(Conflict, match="no second factor"):
        turn_off(app, admins.get(app, "ann"))
    with pytest.raises(Conflict, match="no secret"):
        confirm(app, admins.get(app, "ann"), "123456")


def test_an_authenticator_learns_the_site_the_name_and_the_secret(app: App) -> None:
    admins.add(app, "ann: é", PASSWORD)
    proposal = propose(app, admins.get(app, "ann: é"))
    read = parse_uri(proposal.uri)
    assert (read.issuer, read.name, read.secret) == (app.site.title, "ann: é", proposal.secret)
    assert len(proposal.secret) * 5 >= 160  # as long as RFC 4226, 4 recommends


def test_a_proxy_that_logs_in_asks_for_codes_itself(app: App, totp: TOTP) -> None:
    login = admins.log_in_by_proxy(app, "ann")
    assert login
    assert login.admin.has_second_factor
