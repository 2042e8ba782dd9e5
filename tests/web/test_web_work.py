"""A site that asks browsers to compute before they sign up."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest
from starlette.testclient import TestClient

from publisher.domain.signups import Verdict, proves_work
from publisher.services.app import App
from publisher.web.app import build_app
from tests.people import verdicts
from tests.services.conftest import FakeClock
from tests.web.conftest import NOW, make_site
from tests.web.test_web_signups import ANN, filled

BITS = 12


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def app(make_app: Callable[..., App], clock: FakeClock) -> App:
    app = make_app(site=make_site(base_url="http://localhost:8000"), clock=clock)
    return replace(app, subscribers=replace(app.subscribers, work_bits=BITS))


@pytest.fixture
def visitor(app: App) -> Iterator[TestClient]:
    with TestClient(build_app(app), base_url="http://localhost:8000") as client:
        yield client


def worked(form: dict[str, str]) -> dict[str, str]:
    """The form with what the script would have found."""
    task = f"{form['stamp']}\n{form['email']}\n{form['newsletter']}\n"
    return form | {"proof": next(str(n) for n in count() if proves_work(task, str(n), bits=BITS))}


def test_only_who_has_computed_is_taken(app: App, visitor: TestClient, clock: FakeClock) -> None:
    lazy = visitor.post("/subscribe", data=filled(visitor, clock, ANN))
    assert lazy.status_code == 422
    assert "had not finished its sum" in lazy.text
    form = worked(filled(visitor, clock, ANN))
    assert visitor.post("/subscribe", data=form).status_code == 202
    assert verdicts(app)[Verdict.WAITING] == 1


def test_the_work_for_one_address_is_none_for_another(
    app: App, visitor: TestClient, clock: FakeClock
) -> None:
    form = worked(filled(visitor, clock, ANN)) | {"email": "bob@example.org"}
    assert visitor.post("/subscribe", data=form).status_code == 422
    assert not verdicts(app)


def test_only_the_form_of_such_a_site_has_a_script(
    app: App, visitor: TestClient, make_app: Callable[..., App]
) -> None:
    page = visitor.get("/subscribe")
    assert '<script src="/assets/work.js" defer></script>' in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    others = visitor.get("/privacy")
    assert "script-src" not in others.headers["Content-Security-Policy"]
    usual = replace(app, subscribers=replace(app.subscribers, work_bits=0))
    with TestClient(build_app(usual), base_url="http://localhost:8000") as client:
        page = client.get("/subscribe")
        assert "<script" not in page.text
        assert "script-src" not in page.headers["Content-Security-Policy"]
