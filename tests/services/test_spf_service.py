"""The tree of a domain's SPF records, as the DNS tells it."""

from publisher.domain import spf
from publisher.domain.spf import Branch
from publisher.services.spf import MOST_TERMS, tree
from tests.net.name_server import SERVFAIL, NameServer, Zone, serving, txt


def walked(zone: Zone, domain: str = "a.net") -> tuple[Branch, NameServer]:
    with serving(zone) as server:
        return tree(server.resolver, domain), server


def test_every_record_that_one_leads_to_is_read() -> None:
    found, _ = walked(
        {
            ("a.net", "TXT"): [txt("v=spf1 include:b.net redirect=c.net")],
            ("b.net", "TXT"): [txt("v=spf1 mx exists:here.net -all")],
            ("b.net", "MX"): ["10 one.b.net.", "20 two.b.net."],
            ("one.b.net", "A"): ["198.51.100.1"],
            ("two.b.net", "AAAA"): ["2001:db8::2"],
            ("here.net", "A"): ["127.0.0.2"],
            ("c.net", "TXT"): [txt("v=spf1 ~all")],
        }
    )
    assert set(found.branches) == {"b.net", "c.net"}
    below = found.branches["b.net"]
    assert list(below.hosts.values()) == [
        ("198.51.100.1", "2001:db8::2"),
        ("127.0.0.2",),
    ]
    assert spf.lookups(found) == 4
    assert spf.problems(found) == []


def test_what_differs_from_message_to_message_is_counted_and_not_asked() -> None:
    text = "v=spf1 exists:%{i}.b.net include:%{d}.c.net -all"
    found, server = walked({("a.net", "TXT"): [txt(text)]})
    assert spf.lookups(found) == 2
    assert spf.voids(found) == []
    assert server.asked == [("a.net", "TXT")]


def test_a_redirect_behind_all_is_not_followed() -> None:
    found, server = walked({("a.net", "TXT"): [txt("v=spf1 -all redirect=b.net")]})
    assert found.branches == {}
    assert server.asked == [("a.net", "TXT")]


def test_a_domain_without_hosts_for_mail_finds_nothing() -> None:
    found, _ = walked({("a.net", "TXT"): [txt("v=spf1 mx -all")], ("a.net", "MX"): ["0 ."]})
    assert spf.voids(found) == ["mx of a.net"]


def test_a_host_that_cannot_be_looked_up_is_no_void() -> None:
    zone = {("a.net", "TXT"): [txt("v=spf1 a:b.net -all")], ("b.net", "A"): [SERVFAIL]}
    found, _ = walked(zone)
    assert spf.voids(found) == []
    assert [each.name for each in found.unsure] == ["b.net"]


def test_a_record_with_a_thousand_hosts_is_left_at_a_limit() -> None:
    hosts = " ".join(f"a:h{number}.net" for number in range(300))
    found, server = walked({("a.net", "TXT"): [txt(f"v=spf1 {hosts} -all")]})
    assert len({name for name, _ in server.asked}) == MOST_TERMS
    assert spf.lookups(found) == 300


def test_a_tree_without_end_is_left_at_a_limit() -> None:
    chain = {
        (f"d{number}.net", "TXT"): [txt(f"v=spf1 include:d{number + 1}.net -all")]
        for number in range(100)
    }
    found, server = walked(chain, "d0.net")
    assert len(server.asked) == MOST_TERMS
    assert spf.lookups(found) == MOST_TERMS
