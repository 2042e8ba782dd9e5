from datetime import UTC, datetime, timedelta

import pytest

from publisher.domain.admins import is_over, objection

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 1001,
        "aaaaaaaaaaaaaaaaaaaa",
        "passwordpassword1",
        "lighthouse letters!",
        "ann-ann-ann-ann-ann1234",
        "1234123412341234",
    ],
)
def test_what_others_try_first_is_refused(password: str) -> None:
    assert objection(password, name="annann", site="Lighthouse Letters")


@pytest.mark.parametrize("password", ["harbour lamp at dusk", "依恋与潮汐之间有一座灯塔在等我回来"])
def test_a_sentence_is_fine(password: str) -> None:
    assert objection(password, name="ann", site="Lighthouse Letters") == ""


def test_a_session_ends_by_idleness_and_by_age() -> None:
    hour = timedelta(hours=1)
    assert not is_over(NOW, NOW, now=NOW + 12 * hour)
    assert is_over(NOW, NOW, now=NOW + 12 * hour + timedelta(seconds=1))
    assert not is_over(NOW, NOW + 167 * hour, now=NOW + 168 * hour)
    assert is_over(NOW, NOW + 168 * hour, now=NOW + 168 * hour + timedelta(seconds=1))
