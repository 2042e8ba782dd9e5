from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.addresses import mask, parse_address
from publisher.errors import InvalidAddress

LOCAL = st.from_regex(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,10}){0,3}",
    fullmatch=True,
)
LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda label: label[2:4] != "--"
)
DOMAIN = st.lists(LABEL, min_size=2, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("text", "wire", "key"),
    [
        ("ann@example.org", "ann@example.org", "ann@example.org"),
        ("Ann.B@Example.ORG", "Ann.B@example.org", "ann.b@example.org"),
        ("ann+tag@example.org", "ann+tag@example.org", "ann+tag@example.org"),
        ("bob-smith@example.org", "bob-smith@example.org", "bob-smith@example.org"),
        ("ann@例え.jp", "ann@xn--r8jz45g.jp", "ann@xn--r8jz45g.jp"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("o'neil@mail.example.co.uk", "o'neil@mail.example.co.uk", "o'neil@mail.example.co.uk"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
    ],
)
def test_an_address_is_taken(text: str, wire: str, key: str) -> None:
    address = parse_address(text)
    assert (address.text, address.key) == (wire, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ann",
        "@example.org",
        "ann@",
        "ann@localhost",
        "ann@@example.org",
        "a@b@example.org",
        "ann @example.org",
        " ann@example.org",
        "ann@example.org ",
        "ann@example.org\n",
        "ann@example.org\r\nBcc: bob@evil.example",
        "ann\0@example.org",
        "ann@exam ple.org",
        ".ann@example.org",
        "ann.@example.org",
        "an..n@example.org",
        "ann@example..org",
        "ann@.example.org",
        "ann@example.org.",
        "ann@-example.org",
        "ann@example-.org",
        "ann@exa_mple.org",
        "ann@[127.0.0.1]",
        '"ann b"@example.org',
        "ann(comment)@example.org",
        "Ann <ann@example.org>",
        "alice@example.org)bob@evil.example",
        "李@example.org",
        "ann@ex\ud800.org",
        "ann@127.0.0.1",
        "ann@faß.de",
        "ann@a\u200db.example",
        f"{'a' * 64}@{('é' * 40 + '.') * 4}fr",
        f"{'a' * 65}@example.org",
        f"ann@{'a' * 64}.org",
        f"ann@{'a.' * 130}org",
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse_address(text)
    assert caught.value.problem


@given(LOCAL, DOMAIN)
def test_case_matters_for_the_wire_and_not_for_comparison(local: str, domain: str) -> None:
    written = parse_address(f"{local}@{domain}")
    shouted = parse_address(f"{local.upper()}@{domain.upper()}")
    assert written.text == f"{local}@{domain}"
    assert written.key == shouted.key
    assert shouted.text == f"{local.upper()}@{domain}"


@given(LOCAL, LOCAL, DOMAIN)
def test_nothing_but_case_is_folded(one: str, other: str, domain: str) -> None:
    same = parse_address(f"{one}@{domain}").key == parse_address(f"{other}@{domain}").key
    assert same is (one.lower() == other.lower())


@given(LOCAL, DOMAIN)
def test_a_checked_address_is_its_own_address(local: str, domain: str) -> None:
    address = parse_address(f"{local}@{domain}")
    assert parse_address(address.text) == address
    assert parse_address(address.key).key == address.key
    assert address.domain == domain


@given(st.text() | st.tuples(st.text(), st.text()).map("@".join))
def test_whatever_is_taken_is_safe_on_the_wire(text: str) -> None:
    with suppress(InvalidAddress):
        address = parse_address(text)
        assert address.text.isascii()
        assert address.text.isprintable()
        assert not set(address.text) & set(' <>()[]\\,;:"')
        assert address.text.count("@") == 1
        assert len(address.text) <= 254


@pytest.mark.parametrize(
    ("text", "reserved"),
    [
        ("ann@example.org", True),
        ("ann@mail.example.com", True),
        ("ann@news.test", True),
        ("ann@x.invalid", True),
        ("ann@myexample.org", False),
        ("ann@example.org.uk", False),
        ("ann@gmail.com", False),
    ],
)
def test_reserved_domains_are_told_apart(text: str, reserved: bool) -> None:
    assert parse_address(text).is_reserved is reserved


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alison@example.org", "a…n@example.org"),
        ("al@example.org", "a…@example.org"),
        ("a@example.org", "a…@example.org"),
    ],
)
def test_a_masked_address_tells_little(text: str, shown: str) -> None:
    assert mask(text) == shown
