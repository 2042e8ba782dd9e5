"""Records of DKIM keys (RFC 6376, section 3.6.1)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain import dkim
from publisher.domain.checkups import Grade
from publisher.domain.dkim import KeyRecord, parse
from publisher.domain.lookups import Found, Lookup

OURS = "v=DKIM1; k=rsa; p=MIIBOURS"


def grades(*values: str, bits: int = 2048, found: Found = Found.ANSWER) -> dict[str, Grade]:
    answer = Lookup(name="s._domainkey.a.net", kind="TXT", found=found, values=values)
    verdicts = list(dkim.diagnose(answer, OURS, bits=bits, line="s. IN TXT …"))
    fails = [each for each in verdicts if each.grade is Grade.FAIL]
    assert all(each.remedy == "publish s. IN TXT …" for each in fails)
    return {each.id: each.grade for each in verdicts}


@pytest.mark.parametrize(
    ("text", "record"),
    [
        (OURS, KeyRecord(k="rsa", p="MIIBOURS", flags=frozenset())),
        ("p=MIIBOURS", KeyRecord(k="rsa", p="MIIBOURS", flags=frozenset())),
        ("v=DKIM1;p=MII BOU\tRS ;", KeyRecord(k="rsa", p="MIIBOURS", flags=frozenset())),
        ("k=ed25519; t=y:s; p=abc=", KeyRecord(k="ed25519", p="abc=", flags=frozenset({"y", "s"}))),
        ("v=DKIM1; p=", KeyRecord(k="rsa", p="", flags=frozenset())),
    ],
)
def test_a_record_is_read_however_it_is_spaced(text: str, record: KeyRecord) -> None:
    assert parse(text) == record


@pytest.mark.parametrize("text", ["v=DKIM2; p=a", "v=DKIM1; k=rsa", "hello", "v=DKIM1 p"])
def test_what_is_no_record_is_refused(text: str) -> None:
    assert grades(text) == {"DKM003": Grade.FAIL}


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert not set(parse(f"v=DKIM1; {text}").p) & set(" \t;")


@pytest.mark.parametrize(
    ("values", "bits", "expected"),
    [
        ((OURS,), 2048, {}),
        (("p=MIIBOURS",), 2048, {}),
        (("v=DKIM1; t=s; p=MIIBOURS",), 2048, {}),
        (("v=DKIM1; t=y; p=MIIBOURS",), 2048, {"DKM005": Grade.WARN}),
        (("v=DKIM1; p=",), 0, {"DKM005": Grade.FAIL}),
        (("v=DKIM1; p=MIIBTHEIRS",), 1024, {"DKM004": Grade.FAIL, "DKM006": Grade.WARN}),
        (("v=DKIM1; k=ed25519; p=MIIBOURS",), 0, {"DKM004": Grade.FAIL}),
        ((OURS, "v=DKIM1; p=old"), 2048, {"DKM003": Grade.FAIL}),
        ((), 0, {"DKM003": Grade.FAIL}),
    ],
)
def test_the_published_key_must_be_ours_and_in_force(
    values: tuple[str, ...], bits: int, expected: dict[str, Grade]
) -> None:
    found = Found.ANSWER if values else Found.NO_NAME
    bad = {
        id: grade for id, grade in grades(*values, bits=bits, found=found).items() if grade != "ok"
    }
    assert bad == expected


def test_a_failing_name_server_is_no_verdict_about_the_record() -> None:
    assert grades(found=Found.TIMEOUT) == {"DKM003": Grade.WARN}
