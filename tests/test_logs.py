import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import logs


@pytest.fixture(autouse=True)
def restored_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def said(form: str, event: str, **keys: object) -> str:
    stream = io.StringIO()
    logs.set_up(level="info", format=form, stream=stream)
    logging.getLogger("publisher.test").info(event, extra=keys)
    return stream.getvalue()


def test_text_is_time_level_event_and_keys() -> None:
    line = said("text", "issue.sent", issue=7, subject="two words")
    assert line.split(" ", 1)[1] == 'INFO issue.sent issue=7 subject="two words"\n'


def test_json_is_one_object_a_line() -> None:
    document = json.loads(said("json", "issue.sent", issue=7))
    assert document.pop("time").endswith("Z")
    assert document == {"level": "info", "event": "issue.sent", "issue": 7}


def test_the_journal_gets_priorities_and_no_time() -> None:
    assert said("journald", "issue.sent", issue=7) == "<6>INFO issue.sent issue=7\n"


def test_auto_is_json_where_there_is_no_terminal() -> None:
    assert json.loads(said("auto", "issue.sent"))["event"] == "issue.sent"


@given(value=st.text())
@pytest.mark.parametrize("form", logs.FORMATS)
def test_no_value_forges_a_line(form: str, value: str) -> None:
    assert said(form, "relay.refused", reply=value).count("\n") == 1


def test_a_trace_is_kept() -> None:
    stream = io.StringIO()
    logs.set_up(level="info", format="text", stream=stream)
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("publisher.test").exception("cycle.crashed")
    assert "ValueError: broken" in stream.getvalue()


@pytest.mark.parametrize("name", ["mail.log", "alembic.runtime", "apscheduler.scheduler"])
def test_libraries_that_tell_too_much_are_kept_short(name: str) -> None:
    stream = io.StringIO()
    logs.set_up(level="info", format="text", stream=stream)
    logging.getLogger(name).info("RCPT TO:<ann@example.org>")
    logging.getLogger(name).warning("something is wrong")
    assert "ann@" not in stream.getvalue()
    assert "something is wrong" in stream.getvalue()
