import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.polls import MOST_CLAIMED, MOST_HOSTED, Seen, claim_of, estimate, pseudonym

FEEDLY = "Feedly/1.0 (+http://www.feedly.com/fetcher.html; {} subscribers; )"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def claimed(agent: str) -> int:
    claim = claim_of(agent)
    return claim.people if claim else 0


@pytest.mark.parametrize(
    ("agent", "people"),
    [
        (FEEDLY.format(462), 462),
        ("Feedbin feed-id:1697787 - 102 subscribers", 102),
        ("Mozilla/5.0 (compatible; theoldreader.com; 1 subscribers; feed-id=5f3)", 1),
        ("Dreamwidth Studios (http://www.dreamwidth.org/; feeds@example.org; 2 readers)", 2),
        ("NetNewsWire (RSS Reader; https://netnewswire.com/)", 1),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0", 1),
        ("Miniflux/2.2.0", 1),
        ("FreshRSS/1.27.0 (Linux; https://freshrss.org)", 1),
        (BROWSER, 0),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 0),
        ("W3C_Validator/1.3 http://validator.w3.org/services", 0),
        ("curl/8.14.1", 0),
        ("", 0),
        ("\x00\x01", 0),
    ],
)
def test_a_user_agent_says_for_how_many_it_asks(agent: str, people: int) -> None:
    assert claimed(agent) == people


def test_a_claim_beyond_belief_is_capped() -> None:
    assert claimed(FEEDLY.format("999999999999")) == MOST_CLAIMED
    assert claimed(FEEDLY.format("9" * 250)) == MOST_CLAIMED


def test_a_hosted_reader_is_the_same_when_its_number_and_version_change() -> None:
    before, after = claim_of(FEEDLY.format(462)), claim_of(FEEDLY.format(470))
    assert before is not None
    assert after is not None
    assert before.reader == after.reader


def test_feed_ids_of_one_reader_add_up_and_share_its_cap() -> None:
    assert estimate([Seen(True, "a", 100), Seen(True, "a", 2), Seen(True, "b", 7)]) == 109
    assert estimate([Seen(True, "a", MOST_CLAIMED)] * 3) == MOST_CLAIMED


def test_of_two_weeks_the_one_with_more_readers_counts() -> None:
    weeks = [Seen(False, "2026-W47", 1)] * 5 + [Seen(False, "2026-W48", 1)] * 3
    assert estimate(weeks) == 5


def test_invented_readers_are_believed_up_to_a_bound() -> None:
    invented = [Seen(True, f"reader {number}", MOST_CLAIMED) for number in range(1000)]
    honest = [Seen(True, "honest", 3)]
    assert estimate(invented + honest) == (MOST_HOSTED - 1) * MOST_CLAIMED + 3


@given(agent=st.text(max_size=400))
def test_no_agent_is_worth_more_than_the_cap(agent: str) -> None:
    assert 0 <= claimed(agent) <= MOST_CLAIMED


def test_a_pseudonym_is_another_one_each_week_and_for_each_program() -> None:
    def name(week: str, client: str, family: str) -> str:
        return pseudonym(b"k", week=week, client=client, family=family)

    names = {name(w, c, f) for w in ("1", "2") for c in ("a", "b") for f in ("x", "y")}
    assert len(names) == 8
