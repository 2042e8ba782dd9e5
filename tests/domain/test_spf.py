"""Records of SPF: what RFC 7208 lets stand in one, what it means, and where receivers give up."""

from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain import spf
from publisher.domain.checkups import Grade
from publisher.domain.lookups import Found, Lookup
from publisher.domain.spf import Branch, Outcome, Term, parse


def branch(text: str, domain: str = "a.net", **changes: Any) -> Branch:
    return Branch(domain=domain, texts=(text,), record=parse(text), **changes)


def worst(tree: Branch, check: str, relays: dict[str, tuple[str, ...]] | None = None) -> Grade:
    return next(each.grade for each in spf.diagnose(tree, relays or {}) if each.id == check)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("v=spf1 -all", True),
        ("v=spf1", True),
        ("V=SPF1 ~all", True),
        ("v=spf10 -all", False),
        ("v=spf1-all", False),
        ("spf2.0/pra", False),
        ("v=DMARC1; p=none", False),
    ],
)
def test_only_a_text_of_that_version_is_a_record(text: str, is_one: bool) -> None:
    assert spf.is_ours(text) is is_one


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("-all", Term(qualifier="-", name="all")),
        ("~ALL", Term(qualifier="~", name="all")),
        ("a", Term(qualifier="+", name="a")),
        ("a/24", Term(qualifier="+", name="a", cidr4=24)),
        ("a:Mail.A.net/28//64",
         Term(qualifier="+", name="a", value="mail.a.net", cidr4=28, cidr6=64)),
        ("?mx//48", Term(qualifier="?", name="mx", cidr6=48)),
        ("ip4:198.51.100.7", Term(qualifier="+", name="ip4", value="198.51.100.7/32")),
        ("ip4:198.51.100.7/24", Term(qualifier="+", name="ip4", value="198.51.100.0/24")),
        ("ip6:2001:db8::/32", Term(qualifier="+", name="ip6", value="2001:db8::/32")),
        ("include:_spf.b.net", Term(qualifier="+", name="include", value="_spf.b.net")),
        ("exists:%{i}._spf.b.net", Term(qualifier="+", name="exists", value="%{i}._spf.b.net")),
        ("ptr", Term(qualifier="+", name="ptr")),
    ],
)  # fmt: skip
def test_each_mechanism_is_read(word: str, term: Term) -> None:
    assert parse(f"v=spf1 {word}").terms == (term,)


@pytest.mark.parametrize(
    "word",
    [
        "ipv4:198.51.100.7", "ip4:198.51.100.300", "ip4:2001:db8::1", "ip6:198.51.100.7", "ip4",
        "include", "include:", "exists", "all:a.net", "a/33", "a//129", "a/x", "include:a.net/24",
        "-", "+-all", "al1", "mx:/", "redirect=", "198.51.100.7",
    ],
)  # fmt: skip
def test_what_is_no_term_is_named(word: str) -> None:
    with pytest.raises(ValueError, match=r"^'"):
        parse(f"v=spf1 mx {word} -all")


def test_modifiers_that_nobody_knows_are_passed_over_and_two_redirects_are_not() -> None:
    assert parse("v=spf1 exp=e.a.net x-y=1 redirect=_spf.B.net").redirect == "_spf.b.net"
    with pytest.raises(ValueError, match="one redirect"):
        parse("v=spf1 redirect=a.net redirect=b.net")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert all(str(term) for term in parse(f"v=spf1 {text}").terms)


A, MX, EXISTS = (parse(f"v=spf1 {word}").terms[0] for word in ("a/24", "mx", "exists:x.net"))


@pytest.mark.parametrize(
    ("tree", "address", "outcome"),
    [
        (branch("v=spf1 ip4:198.51.100.0/24 -all"), "198.51.100.9", Outcome.PASS),
        (branch("v=spf1 ip4:198.51.100.0/24 -all"), "198.51.101.9", Outcome.FAIL),
        (branch("v=spf1 ip4:198.51.100.0/24 ~all"), "2001:db8::1", Outcome.SOFTFAIL),
        (branch("v=spf1 ip6:2001:db8::/32"), "198.51.100.9", Outcome.NEUTRAL),
        (branch("v=spf1 -ip4:198.51.100.9 ip4:198.51.100.0/24"), "198.51.100.9", Outcome.FAIL),
        (branch("v=spf1 a/24 -all", hosts={A: ("198.51.100.1",)}), "198.51.100.9", Outcome.PASS),
        (branch("v=spf1 a/24 -all", hosts={A: ("2001:db8::1",)}), "198.51.100.9", Outcome.FAIL),
        (branch("v=spf1 mx -all", hosts={MX: ("198.51.100.1",)}), "198.51.100.9", Outcome.FAIL),
        (branch("v=spf1 exists:x.net -all", hosts={EXISTS: ("127.0.0.2",)}), "198.51.100.9",
         Outcome.PASS),
        (branch("v=spf1 include:b.net -all", branches={"b.net": branch("v=spf1 +all")}),
         "198.51.100.9", Outcome.PASS),
        (branch("v=spf1 include:b.net ~all", branches={"b.net": branch("v=spf1 -all")}),
         "198.51.100.9", Outcome.SOFTFAIL),  # that an included record fails means only: no match
        (branch("v=spf1 redirect=b.net", branches={"b.net": branch("v=spf1 -all")}),
         "198.51.100.9", Outcome.FAIL),
        (Branch(domain="a.net"), "198.51.100.9", Outcome.NEUTRAL),
    ],
)  # fmt: skip
def test_an_address_is_judged_as_receivers_judge_it(
    tree: Branch, address: str, outcome: Outcome
) -> None:
    assert spf.outcome(tree, ip_address(address)) is outcome


def included(count: int) -> Branch:
    """A record that needs so many look-ups, the last of them below another record."""
    below = branch("v=spf1 mx ~all", "b.net", hosts={MX: ("198.51.100.1",)})
    words = " ".join(f"a:h{number}.net" for number in range(count - 2))
    text = f"v=spf1 {words} include:b.net ip4:198.51.100.1 ~all"
    hosts = {term: ("198.51.100.1",) for term in parse(text).terms if term.name == "a"}
    return branch(text, hosts=hosts, branches={"b.net": below})


@given(st.integers(2, 20))
def test_ten_look_ups_are_allowed_wherever_they_stand(count: int) -> None:
    tree = included(count)
    assert spf.lookups(tree) == count
    assert worst(tree, "SPF004") is (Grade.FAIL if count > 10 else Grade.OK)


def test_what_is_included_twice_counts_twice() -> None:
    below = {"b.net": branch("v=spf1 a mx -all", "b.net")}
    assert spf.lookups(branch("v=spf1 include:b.net include:b.net -all", branches=below)) == 6


def test_a_redirect_counts_only_where_it_is_followed() -> None:
    assert spf.lookups(branch("v=spf1 redirect=b.net")) == 1
    assert spf.lookups(branch("v=spf1 -all redirect=b.net")) == 0
    assert spf.lookups(branch("v=spf1 ip4:198.51.100.1 exp=e.net -all")) == 0
    assert spf.lookups(branch("v=spf1 ptr exists:%{i}.b.net -all")) == 2


@pytest.mark.parametrize(
    ("count", "grade"), [(0, Grade.OK), (1, Grade.WARN), (2, Grade.WARN), (3, Grade.FAIL)]
)
def test_two_look_ups_may_find_nothing(count: int, grade: Grade) -> None:
    words = " ".join(f"a:h{number}.net" for number in range(count))
    record = parse(f"v=spf1 {words} -all")
    hosts: dict[Term, tuple[str, ...]] = {each: () for each in record.terms if each.name == "a"}
    tree = Branch(domain="a.net", texts=("…",), record=record, hosts=hosts)
    assert worst(tree, "SPF005") is grade


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("v=spf1 -all", Grade.OK),
        ("v=spf1 ~all", Grade.OK),
        ("v=spf1 ?all", Grade.WARN),
        ("v=spf1 mx", Grade.WARN),
        ("v=spf1 all", Grade.FAIL),
        ("v=spf1 redirect=b.net", Grade.FAIL),
    ],
)
def test_a_record_must_end_with_who_may_not_send(text: str, grade: Grade) -> None:
    open_to_all = branch("v=spf1 +all", "b.net")
    assert worst(branch(text, branches={"b.net": open_to_all}), "SPF006") is grade


def test_what_is_wrong_below_is_told_with_its_domain() -> None:
    below = Branch(domain="b.net", problem="no SPF record instead of one")
    tree = branch("v=spf1 include:b.net -all", branches={"b.net": below})
    (found,) = [each for each in spf.diagnose(tree, {}) if each.id == "SPF003"]
    assert (found.grade, found.seen) == (Grade.FAIL, "b.net: no SPF record instead of one")


def test_every_address_of_a_relay_must_be_named() -> None:
    tree = branch("v=spf1 ip4:198.51.100.0/24 -all")
    assert worst(tree, "SPF007", {"r": ("198.51.100.1",)}) is Grade.OK
    assert worst(tree, "SPF007", {"r": ("198.51.100.1", "2001:db8::1")}) is Grade.WARN
    assert all(each.id != "SPF007" for each in spf.diagnose(tree, {"unknown": ()}))


def test_a_failing_name_server_is_no_verdict_about_the_record() -> None:
    lost = Lookup(name="a.net", kind="TXT", found=Found.FAILED)
    (found,) = spf.diagnose(Branch(domain="a.net", unsure=(lost,)), {})
    assert (found.id, found.grade) == ("SPF008", Grade.WARN)


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1 include:%{i}._ip.%{h}._ehlo.%{d}._spf.b.net ~all",
        "v=spf1 exists:%{i}._spf.b.net -all",
        "v=spf1 redirect=%{d}._spf.b.net",
    ],
)
def test_of_what_differs_from_message_to_message_nothing_is_claimed(text: str) -> None:
    below = branch(text, domain="b.net")
    above = branch("v=spf1 include:b.net ~all", branches={"b.net": below})
    for tree in (below, above):
        assert worst(tree, "SPF007", {"r": ("198.51.100.1",)}) is Grade.INFO
