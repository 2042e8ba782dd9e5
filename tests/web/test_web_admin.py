import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from argon2 import extract_parameters
from pyotp import TOTP
from starlette.testclient import TestClient

from publisher.domain.checkups import Checkup, Diagnosis, Grade
from publisher.domain.controls import MOVES
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import Cause, IssueStatus, Verdict
from publisher.domain.newsletters import Period
from publisher.errors import NotFound
from publisher.services import (
    admins,
    deliveries,
    doctor,
    instances,
    issues,
    second_factors,
)
from publisher.services.app import App, MonitorOptions, OperatorOptions
from publisher.store import admins as admin_rows
from publisher.store import issues as issue_rows
from tests.web.conftest import NOW, make_site

PASSWORD = "a lamp in every window"
FORM = {"name": "ann", "password": PASSWORD}


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    """A site on this machine, whose content folder is empty, with an operator."""
    made = make_app(site=make_site(base_url="http://localhost:8000"))
    content = made.folders.root / "content"
    content.mkdir()
    from publisher.content.loader import ContentOptions

    options = ContentOptions(
        folder=content,
        dialect="hexo",
        zone=made.site.zone,
        base_url=made.site.base_url,
        language="en",
    )
    made = replace(made, content=options)
    admins.add(made, "ann", PASSWORD)
    return made


@pytest.fixture
def operator(client: TestClient) -> TestClient:
    """A browser in which Ann is logged in."""
    assert client.post("/admin/login", data=FORM).status_code == 303
    return client


@pytest.fixture
def totp(app: App) -> TOTP:
    """Ann's authenticator, which she began to use an hour ago."""
    earlier = replace(app, clock=lambda: NOW - timedelta(hours=1))
    authenticator = TOTP(second_factors.propose(earlier, admins.get(app, "ann")).secret)
    code = authenticator.at(earlier.clock())
    second_factors.confirm(earlier, admins.get(app, "ann"), code)
    return authenticator


def token_of(client: TestClient) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{64})"', client.get("/admin").text)
    assert found
    return found[1]


def held_issue(app: App) -> int:
    return an_issue(app, IssueStatus.HELD, Cause.APPROVAL)


def an_issue(app: App, status: IssueStatus, cause: Cause = Cause.NONE) -> int:
    verdict = Verdict(period=Period(key="W:2026-W47", slot=NOW), status=status, cause=cause)
    with app.store.begin() as tx:
        issue = issue_rows.add(tx, newsletter="weekly", verdict=verdict, now=NOW)
    assert issue is not None
    return issue


def test_nobody_sees_anything_without_logging_in(client: TestClient, app: App) -> None:
    for path in ("/admin", "/admin/plots/joins.csv"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/login")
    issue = held_issue(app)
    assert client.post(f"/admin/issues/{issue}/approve").status_code == 401
    assert issues.get(app, issue).status is IssueStatus.HELD


def test_a_wrong_password_and_a_wrong_name_get_the_same_answer(client: TestClient) -> None:
    wrong = client.post("/admin/login", data={**FORM, "password": "x" * 20})
    nobody = client.post("/admin/login", data={"name": "nobody", "password": "x" * 20})
    assert (wrong.status_code, wrong.content) == (nobody.status_code, nobody.content)
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers


def test_the_form_offers_a_field_for_a_code_to_everybody(client: TestClient, totp: TOTP) -> None:
    page = client.get("/admin/login")
    (field,) = re.findall(r'<input id="code"[^>]*>', page.text)
    assert 'name="code"' in field
    assert 'autocomplete="one-time-code"' in field
    assert 'inputmode="numeric"' in field
    assert "required" not in field
    assert '<label for="code">Code (if you use one)</label>' in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_code_opens_with_its_password_and_once(
    totp: TOTP, app: App, make_client: Callable[..., TestClient]
) -> None:
    form = {**FORM, "code": totp.at(NOW)}
    browser = make_client(app)
    assert browser.post("/admin/login", data=form).status_code == 303
    assert browser.get("/admin").status_code == 200
    assert make_client(app).post("/admin/login", data=form).status_code == 401


def test_whatever_was_wrong_with_a_login_gets_the_same_answer(
    client: TestClient, totp: TOTP
) -> None:
    right = {**FORM, "code": totp.at(NOW)}
    assert client.post("/admin/login", data=right).status_code == 303
    answers = {
        (answer.status_code, answer.content)
        for wrong in (
            {"password": "x" * 20},
            {"name": "nobody"},
            {"code": totp.at(NOW + timedelta(minutes=5))},
            {"code": ""},
            {"code": "\ufdfa" * 5000},
            {},  # used
        )
        for answer in [client.post("/admin/login", data={**right, **wrong})]
    }
    assert len(answers) == 1
    ((status, page),) = answers
    assert status == 401
    assert right["code"].encode() not in page


def test_codes_are_guessed_as_seldom_as_passwords(
    client: TestClient, app: App, totp: TOTP, make_client: Callable[..., TestClient]
) -> None:
    attacker = make_client(app, peer="203.0.113.5")
    later = totp.at(NOW + timedelta(minutes=5))
    for _ in range(10):
        attacker.post("/admin/login", data={**FORM, "code": later})
    right = {**FORM, "code": totp.at(NOW)}
    assert attacker.post("/admin/login", data=right).status_code == 429
    assert client.post("/admin/login", data=right).status_code == 303


def test_a_session_begins_with_a_cookie_that_only_the_browser_reads(client: TestClient) -> None:
    answer = client.post("/admin/login", data=FORM)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get("/admin").headers["cache-control"] == "no-store"


def test_under_https_the_cookie_belongs_to_this_host_alone(
    app: App, make_client: Callable[..., TestClient]
) -> None:
    secure = replace(app, site=make_site(base_url="https://localhost:8000"))
    cookie = make_client(secure).post("/admin/login", data=FORM).headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert "secure" in cookie.lower()
    assert "domain" not in cookie.lower()


def test_the_database_holds_no_cookie(operator: TestClient, app: App) -> None:
    cookie = operator.cookies["session"]
    with app.store.read() as tx:
        dump = "".join(str(row) for row in tx.exec_driver_sql("SELECT * FROM sessions"))
    assert dump
    assert cookie not in dump


def test_a_button_decides(operator: TestClient, app: App) -> None:
    issue = held_issue(app)
    page = operator.get("/admin").text
    assert f"/admin/issues/{issue}/approve" in page
    answer = operator.post(f"/admin/issues/{issue}/approve", data={"token": token_of(operator)})
    assert answer.status_code == 303
    assert issues.get(app, issue).status is IssueStatus.PLANNED
    assert "issues approve" in operator.get("/admin").text


@pytest.mark.parametrize("status", list(IssueStatus))
def test_every_verb_has_a_button_where_its_command_would_work_and_nowhere_else(
    operator: TestClient, app: App, status: IssueStatus
) -> None:
    issue = an_issue(app, status)
    page = operator.get("/admin").text
    for verb, move in MOVES.items():
        assert (f"/admin/issues/{issue}/{verb}" in page) is (status in move.before), verb
        if status not in move.before:
            form = {"token": token_of(operator)}
            assert operator.post(f"/admin/issues/{issue}/{verb}", data=form).status_code == 409
    assert issues.get(app, issue).status is status


@pytest.mark.parametrize("status", ["failed", "unknown"])
def test_a_button_sends_again_to_those_who_did_not_get_it(
    operator: TestClient, app: App, status: str
) -> None:
    issue = an_issue(app, IssueStatus.SENT)
    with app.store.begin() as tx:
        for number, now in enumerate((status, status, "sent"), 1):
            tx.exec_driver_sql(
                "INSERT INTO deliveries (issue, subscriber, subscription, address, status, reason,"
                " attempts, deferrals, relay, reply, changed_at) VALUES"
                f" ({issue}, {number}, {number}, 'a{number}@example.org', '{now}', '', 1, 0, '',"
                " '', '2026-11-20 00:00:00')"
            )
    other = {"failed": "unknown", "unknown": "failed"}[status]
    path = f"/admin/issues/{issue}/retry/"
    page = operator.get("/admin").text
    assert f"{path}{status}" in page
    assert f"{path}{other}" not in page
    form = {"token": token_of(operator)}
    assert operator.post(f"{path}sent", data=form).status_code == 404
    assert operator.post(path + status).status_code == 403
    assert operator.post(path + status, data=form).status_code == 303
    assert deliveries.counts(app, issue) == {DeliveryStatus.PENDING: 2, DeliveryStatus.SENT: 1}
    assert issues.get(app, issue).status is IssueStatus.SENDING
    (deed, *_) = admins.deeds(app)
    assert (deed.who, deed.action, deed.detail) == (
        "ann", "deliveries retry", f"{issue}: 2 {status}"
    )  # fmt: skip


def test_the_page_speaks_the_operator_s_language(
    app: App, make_client: Callable[..., TestClient]
) -> None:
    browser = make_client(replace(app, operator=OperatorOptions(language="zh-CN")))
    page = browser.get("/admin/login").text
    assert "没有默认账号" in page
    assert "验证码（没有就留空）" in page
    browser.post("/admin/login", data=FORM)
    issue = held_issue(app)
    page = browser.get("/admin").text
    assert '<html lang="zh-CN">' in page
    for words in ("等你决定", "寄出", "已确认的订阅者", "操作记录"):
        assert words in page
    assert f"/admin/issues/{issue}/approve" in page


def test_a_form_of_another_site_or_session_decides_nothing(operator: TestClient, app: App) -> None:
    issue, token = held_issue(app), token_of(operator)
    path = f"/admin/issues/{issue}/skip"
    assert operator.post(path, data={"token": "0" * 64}).status_code == 403
    assert operator.post(path).status_code == 403
    foreign = {"origin": "https://evil.example"}
    assert operator.post(path, data={"token": token}, headers=foreign).status_code == 403
    cross = {"sec-fetch-site": "cross-site"}
    assert operator.post(path, data={"token": token}, headers=cross).status_code == 403
    assert issues.get(app, issue).status is IssueStatus.HELD
    assert operator.post(path, data={"token": token}).status_code == 303


def test_an_unknown_verb_or_issue_changes_nothing(operator: TestClient, app: App) -> None:
    issue, token = held_issue(app), {"token": token_of(operator)}
    assert operator.post(f"/admin/issues/{issue}/delete", data=token).status_code == 404
    assert operator.post("/admin/issues/999/skip", data=token).status_code == 404
    assert operator.get(f"/admin/issues/{issue}/skip").status_code == 404
    assert issues.get(app, issue).status is IssueStatus.HELD


def test_all_sessions_end_when_the_password_changes(
    app: App, make_client: Callable[..., TestClient]
) -> None:
    browsers = [make_client(app), make_client(app)]
    for browser in browsers:
        browser.post("/admin/login", data=FORM)
    tokens = [{"token": token_of(browser)} for browser in browsers]
    admins.change_password(app, "ann", "another lamp in the window", who="test")
    for browser, token in zip(browsers, tokens, strict=True):
        assert browser.get("/admin").headers["location"] == "/admin/login"
        assert browser.post("/admin/resume", data=token).status_code == 401
    assert browsers[0].post("/admin/login", data=FORM).status_code == 401


def test_a_session_that_was_not_used_for_twelve_hours_has_ended(
    operator: TestClient, app: App, make_client: Callable[..., TestClient]
) -> None:
    later = replace(app, clock=lambda: NOW + timedelta(hours=13))
    browser = make_client(later)
    browser.cookies.update(operator.cookies)
    assert browser.get("/admin").headers["location"] == "/admin/login"


def test_logging_out_ends_the_session_and_not_only_the_cookie(operator: TestClient) -> None:
    cookies = dict(operator.cookies)
    operator.post("/admin/logout", data={"token": token_of(operator)})
    operator.cookies.update(cookies)
    assert operator.get("/admin").status_code == 303


def test_after_ten_failures_from_one_place_even_the_right_password_must_wait(
    app: App, make_client: Callable[..., TestClient]
) -> None:
    attacker = make_client(app, peer="203.0.113.5")
    for number in range(10):
        attacker.post("/admin/login", data={**FORM, "password": f"guess number {number:05}"})
    refused = attacker.post("/admin/login", data=FORM)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "900")
    assert make_client(app).post("/admin/login", data=FORM).status_code == 303
    later = replace(app, clock=lambda: NOW + timedelta(minutes=16))
    assert make_client(later, peer="203.0.113.5").post("/admin/login", data=FORM).status_code == 303


def test_the_fence_is_shown_and_lifted(operator: TestClient, app: App) -> None:
    instances.start(app)
    instances.beat(app, now=NOW - timedelta(days=30))
    assert instances.beat(app, now=NOW)
    assert "Nothing is sent" in operator.get("/admin").text
    operator.post("/admin/resume", data={"token": token_of(operator)})
    assert "Nothing is sent" not in operator.get("/admin").text
    assert instances.fence(app) == ""


@pytest.mark.parametrize(
    "plot", ["subscribers", "joins", "deliveries", "throughput", "polls", "unchanged", "readers"]
)
def test_every_plot_has_its_numbers_as_csv(operator: TestClient, plot: str) -> None:
    answer = operator.get(f"/admin/plots/{plot}.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert operator.get(f"/admin/plots/{plot}x.csv").status_code == 404


def test_words_from_outside_are_escaped(operator: TestClient, app: App) -> None:
    with app.store.begin() as tx:
        tx.exec_driver_sql(
            "INSERT INTO issues (id, newsletter, period, slot, status, cause, reason, subject,"
            " content_hash, created_at) VALUES (7, 'weekly', 'W:2026-W47', '2026-11-20 00:00:00',"
            " 'sent', '', '', '<script>alert(1)</script>', 'x', '2026-11-20 00:00:00')"
        )
    page = operator.get("/admin").text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def spf_found(app: App, seen: str) -> None:
    found = Diagnosis(
        id="SPF002", grade=Grade.FAIL, about="a.net", seen=seen, remedy="put them into one"
    )
    doctor.keep(app, Checkup(at=NOW, diagnoses=(found,)))


def test_what_the_doctor_found_is_shown_with_what_to_do(operator: TestClient, app: App) -> None:
    assert 'id="doctor"' not in operator.get("/admin").text
    spf_found(app, "2 records: v=spf1 <script>\x1b[31m and v=spf1")
    page = operator.get("/admin").text
    assert '<a href="#doctor">to mend: 1</a>' in page
    row = "<td>SPF002</td><td>failure</td><td>a.net: 2 records: v=spf1 &lt;script&gt;⟨001B⟩[31m"
    assert row in page
    assert "<td>put them into one</td>" in page
    doctor.keep(app, Checkup(at=NOW, diagnoses=()))
    page = operator.get("/admin").text
    assert "nothing is wrong" in page
    assert 'id="doctor"' not in page


def test_the_doctor_speaks_the_operator_s_language(
    app: App, make_client: Callable[..., TestClient]
) -> None:
    browser = make_client(replace(app, operator=OperatorOptions(language="zh-CN")))
    browser.post("/admin/login", data=FORM)
    assert "还没有做过" in browser.get("/admin").text
    spf_found(app, "2 records")
    page = browser.get("/admin").text
    assert "体检" in page
    assert "<td>SPF002</td><td>有害</td>" in page


@pytest.fixture
def nobody(app: App) -> App:
    """The site before there is any operator."""
    admins.remove(app, "ann")
    return app


def test_the_first_operator_is_made_at_a_link_that_works_once(
    nobody: App, make_client: Callable[..., TestClient]
) -> None:
    path = admins.invitation(nobody).removeprefix(nobody.site.base_url)
    browser = make_client(nobody)
    assert browser.get(path).status_code == 200
    weak = browser.post(path, data={"name": "eve", "password": "password"})
    assert weak.status_code == 422
    assert "at least 15 characters" in weak.text
    assert browser.post(path, data=FORM).headers["location"] == "/admin/login"
    assert browser.post("/admin/login", data=FORM).status_code == 303
    assert admins.invitation(nobody) == ""
    assert browser.get(path).status_code == 404
    assert browser.post(path, data={**FORM, "name": "eve"}).status_code == 404
    assert [one.name for one, _ in admins.listing(nobody)] == ["ann"]


def test_a_link_for_the_first_operator_is_over_after_an_hour_and_cannot_be_forged(
    nobody: App, make_client: Callable[..., TestClient]
) -> None:
    path = admins.invitation(nobody).removeprefix(nobody.site.base_url)
    later = replace(nobody, clock=lambda: NOW + timedelta(minutes=61))
    assert make_client(later).get(path).status_code == 404
    browser, (said, _, signature) = make_client(nobody), path.rpartition(".")
    for forged in (
        f"{said}.{'0' * len(signature)}",
        f"{said[:-1]}f.{signature}",
        said,
        "/admin/first/x.é",
        "/admin/first/ffffffff.é",
        f"/admin/first/{'f' * 4_000}.x",  # more digits than Python writes
    ):
        assert browser.get(forged).status_code == 404
    foreign = {"sec-fetch-site": "cross-site"}
    assert browser.post(path, data=FORM, headers=foreign).status_code == 403
    assert admins.listing(nobody) == []


@pytest.mark.parametrize("factor", ["one", "two"])
def test_a_reverse_proxy_of_a_trusted_network_logs_operators_in_and_nobody_else_does(
    app: App,
    make_client: Callable[..., TestClient],
    factor: str,
    request: pytest.FixtureRequest,
) -> None:
    if factor == "two":
        request.getfixturevalue("totp")
    trusting = replace(
        app,
        operator=OperatorOptions(proxy_header="Remote-User"),
        monitor=MonitorOptions(trusted=(ip_network("10.0.0.0/8"),)),
    )
    proxy = make_client(trusting, peer="10.1.2.3")
    ann = {"remote-user": "ann"}
    page = proxy.get("/admin", headers=ann)
    assert page.status_code == 200
    found = re.search(r'name="token" value="([0-9a-f]{64})"', page.text)
    assert found
    issue, form = held_issue(app), {"token": found[1]}
    path = f"/admin/issues/{issue}/approve"
    assert proxy.post(path, headers=ann, data={"token": "0" * 64}).status_code == 403
    assert proxy.post(path, headers=ann, data=form).status_code == 303
    assert admins.deeds(app)[0].who == "ann"

    for browser, headers in (
        (make_client(trusting, peer="203.0.113.5"), ann),
        (make_client(trusting, peer="203.0.113.5"), {**ann, "x-forwarded-for": "10.1.2.3"}),
        (make_client(app, peer="10.1.2.3"), ann),
        (proxy, {"remote-user": "eve"}),
        (proxy, {}),
    ):
        assert browser.get("/admin", headers=headers).status_code == 303


def test_a_session_is_listed_and_ended(operator: TestClient, app: App) -> None:
    (session,) = admins.sessions(app)
    assert session.admin.name == "ann"
    for mark in ("", session.key[:7], "f" * 64):
        with pytest.raises(NotFound):
            admins.end_session(app, mark)
    admins.end_session(app, session.key[:8])
    assert operator.get("/admin").status_code == 303
    assert admins.sessions(app) == []


def test_an_unknown_name_costs_as_much_as_a_known_one(app: App) -> None:
    with app.store.read() as tx:
        known = admin_rows.find(tx, "ann")
    assert known
    assert extract_parameters(admins.NOBODY) == extract_parameters(known.password)
