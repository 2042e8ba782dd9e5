"""Records of DMARC (RFC 7489, section 6.3), and which names count as one domain's."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain import dmarc
from publisher.domain.checkups import Grade
from publisher.domain.dmarc import Policy, is_aligned, parse
from publisher.domain.lookups import Found, Lookup


def at(place: str, *values: str, found: Found = Found.ANSWER) -> Lookup:
    return Lookup(name=f"_dmarc.{place}", kind="TXT", found=found, values=values)


def grades(
    *found: Lookup, domain: str = "a.net", signs: bool = False, envelope: str = "a.net"
) -> dict[str, Grade]:
    verdicts = dmarc.diagnose(domain, found, signs=signs, envelope=envelope)
    return {each.id: each.grade for each in verdicts}


def test_a_whole_record_is_read() -> None:
    text = "v=DMARC1;p=Quarantine ; sp=reject; rua=mailto:a@a.net, mailto:b@b.net; adkim=s; pct=5;"
    assert parse(text) == Policy(
        p="quarantine",
        sp="reject",
        reports=("mailto:a@a.net", "mailto:b@b.net"),
        adkim="s",
        aspf="r",
    )


def test_subdomains_follow_the_domain_unless_it_says_otherwise() -> None:
    assert parse("v=DMARC1; p=reject").sp == "reject"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("v=DMARC1", "p= is missing"),
        ("v=DMARC1; rua=mailto:a@a.net", "p= is missing"),
        ("v=DMARC1; p=block", "p=block"),
        ("v=DMARC1; p=none; sp=maybe", "sp=maybe"),
        ("v=DMARC1; p=none; p=reject", "twice"),
        ("v=DMARC1; p=none; aspf=x", "aspf=x"),
        ("v=DMARC1; p=none, rua=mailto:a@a.net", "none of none"),
        ("p=none; v=DMARC1", "does not begin"),
        ("v=DMARC1; p none", "no tag=value"),
        ("", "does not begin"),
    ],
)
def test_what_is_wrong_is_said(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(text)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse(f"v=DMARC1; {text}").p in ("none", "quarantine", "reject")


@pytest.mark.parametrize(
    ("domain", "other", "mode", "aligned"),
    [
        ("a.net", "a.net", "s", True),
        ("a.net", "bounces.a.net", "s", False),
        ("a.net", "bounces.a.net", "r", True),
        ("news.a.net", "bounces.a.net", "r", True),
        ("news.a.net", "a.net", "r", True),
        ("a.net", "b.net", "r", False),
        ("a.net", "not-a.net", "r", False),
    ],
)
def test_names_below_the_record_count_as_one(
    domain: str, other: str, mode: str, aligned: bool
) -> None:
    assert is_aligned(domain, other, place="a.net", mode=mode) is aligned


def test_a_record_is_looked_for_at_the_domain_and_above_it() -> None:
    assert dmarc.places("news.letters.a.net") == ["news.letters.a.net", "letters.a.net", "a.net"]
    assert dmarc.places("a.net") == ["a.net"]


def test_a_record_of_the_parent_counts_with_its_policy_for_subdomains() -> None:
    nothing = at("news.a.net", found=Found.NO_NAME)
    parent = at("a.net", "v=DMARC1; p=reject; sp=none; rua=mailto:a@a.net")
    found = grades(nothing, parent, domain="news.a.net", envelope="bounces.a.net")
    assert found == {
        "DMC001": Grade.OK,
        "DMC002": Grade.OK,
        "DMC003": Grade.INFO,
        "DMC004": Grade.OK,
        "DMC005": Grade.OK,
    }


def test_only_texts_of_dmarc_count() -> None:
    assert grades(at("a.net", "v=spf1 -all", "google-site=1")) == {"DMC001": Grade.FAIL}
    one = at("a.net", "something", "v=DMARC1; p=reject; rua=mailto:a@a.net")
    assert set(grades(one).values()) == {Grade.OK}


def test_without_reports_it_warns_and_two_records_fail() -> None:
    assert grades(at("a.net", "v=DMARC1; p=reject"))["DMC004"] is Grade.WARN
    two = at("a.net", "v=DMARC1; p=reject", "v=DMARC1; p=none")
    assert grades(two)["DMC002"] is Grade.FAIL


def test_one_of_spf_and_our_signature_must_stand_for_the_sender() -> None:
    record = at("a.net", "v=DMARC1; p=reject; rua=mailto:a@a.net")
    assert grades(record, envelope="b.net")["DMC005"] is Grade.WARN
    assert grades(record, envelope="b.net", signs=True)["DMC005"] is Grade.OK
    strict = at("a.net", "v=DMARC1; p=reject; aspf=s; rua=mailto:a@a.net")
    assert grades(strict, envelope="bounces.a.net")["DMC005"] is Grade.WARN


def test_a_failing_name_server_is_no_verdict_about_the_record() -> None:
    assert grades(at("a.net", found=Found.TIMEOUT)) == {"DMC006": Grade.WARN}
