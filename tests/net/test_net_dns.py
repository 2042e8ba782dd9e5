import pytest

from publisher.domain.lookups import Found
from publisher.net.dns import Resolver
from tests.net.name_server import SERVFAIL, SILENCE, serving, txt

ZONE = {
    ("letters.net", "TXT"): [txt("v=spf1 -all"), txt("k" * 600)],
    ("letters.net", "MX"): ["20 b.letters.net.", "5 a.letters.net."],
    ("letters.net", "A"): ["198.51.100.7", "198.51.100.6"],
    ("letters.net", "AAAA"): ["2001:db8::7"],
    ("no-mail.net", "MX"): ["0 ."],
    ("7.100.51.198.in-addr.arpa", "PTR"): ["Mail.Letters.net."],
    ("broken.net", "TXT"): [SERVFAIL],
    ("half.net", "A"): ["198.51.100.9"],
    ("half.net", "AAAA"): [SERVFAIL],
    ("silent.net", "TXT"): [SILENCE],
}


def test_a_long_text_comes_in_one_piece() -> None:
    with serving(ZONE) as server:
        assert server.resolver.texts("letters.net").values == ("k" * 600, "v=spf1 -all")


def test_hosts_that_take_mail_come_by_preference() -> None:
    with serving(ZONE) as server:
        assert server.resolver.exchanges("letters.net").values == (
            "a.letters.net",
            "b.letters.net",
        )
        assert server.resolver.exchanges("no-mail.net").values == (".",)


def test_addresses_are_those_of_both_kinds_and_an_address_is_its_own() -> None:
    with serving(ZONE) as server:
        found = server.resolver.addresses("letters.net").values
        assert found == ("198.51.100.6", "198.51.100.7", "2001:db8::7")
        assert server.resolver.addresses("half.net").values == ("198.51.100.9",)
        asked = len(server.asked)
        assert server.resolver.addresses("2001:db8::1").values == ("2001:db8::1",)
        assert server.resolver.addresses("localhost").values == ("127.0.0.1",)
        assert len(server.asked) == asked


def test_the_name_of_an_address_is_in_lower_case_without_a_dot() -> None:
    with serving(ZONE) as server:
        assert server.resolver.names("198.51.100.7").values == ("mail.letters.net",)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("nowhere.net", Found.NO_NAME),
        ("no-mail.net", Found.NO_RECORD),
        ("broken.net", Found.FAILED),
        ("a..b", Found.BAD_NAME),
        ("x" * 64 + ".net", Found.BAD_NAME),
    ],
)
def test_that_there_is_nothing_is_told_apart_from_that_nobody_knows(
    name: str, found: Found
) -> None:
    with serving(ZONE) as server:
        answer = server.resolver.texts(name)
    assert answer.found is found
    assert answer.values == ()
    assert answer.is_void == (found in (Found.NO_NAME, Found.NO_RECORD))


def test_a_server_that_says_nothing_is_not_waited_for_long() -> None:
    with serving(ZONE) as server:
        resolver = Resolver(server="127.0.0.1", port=server.port, seconds=0.2)
        answer = resolver.texts("silent.net")
    assert answer.found is Found.TIMEOUT
    assert str(answer) == "TXT of silent.net: no answer in time"


def test_after_four_silences_nobody_is_waited_for_any_more() -> None:
    zone = {**ZONE, **{(f"s{number}.net", "TXT"): [SILENCE] for number in range(9)}}
    with serving(zone) as server:
        resolver = Resolver("127.0.0.1", server.port, seconds=0.05)
        found = [resolver.texts(f"s{number}.net").found for number in range(9)]
        assert {name for name, _ in server.asked} == {f"s{number}.net" for number in range(4)}
    assert set(found) == {Found.TIMEOUT}


def test_the_same_question_is_asked_once() -> None:
    with serving(ZONE) as server:
        resolver = server.resolver
        assert resolver.texts("letters.net") == resolver.texts("letters.net")
        assert len(server.asked) == 1
