"""`publisher doctor` on a real site, a real relay, and a name server that says what we like."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from publisher.cli.main import run
from publisher.domain.checkups import REASONS
from tests.faults.relay import Behaviour, FaultRelay
from tests.net.name_server import SERVFAIL, NameServer, serving, txt

DOMAIN = "lighthouse-letters.net"
SPF = "v=spf1 mx include:_spf.lighthouse-letters.net -all"

Doctor = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture(scope="module")
def relay() -> Iterator[FaultRelay]:
    with FaultRelay(Behaviour()) as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, relay: FaultRelay) -> Path:
    """A site of its own domain that signs with its own keys and hands its mail to that relay."""
    folder = tmp_path_factory.mktemp("doctor") / "site"
    assert run(["init", str(folder)]) == 0
    config = folder / "config.toml"
    text = config.read_text(encoding="utf-8")
    for before, after in (
        ('"http://localhost:8080"', f'"https://{DOMAIN}"'),
        ('"letters@example.org"', f'"letters@{DOMAIN}"'),
        ('host = ""  # the relay', 'host = "127.0.0.1"  # the relay'),
        ("port = 587", f"port = {relay.port}"),
        ('security = "starttls"', 'security = "none"'),
        ('selector = ""', 'selector = "autumn"'),
    ):
        assert before in text
        text = text.replace(before, after)
    config.write_text(text, encoding="utf-8")
    assert run(["-C", str(folder), "dkim", "keygen"]) == 0
    return folder


@pytest.fixture
def healthy(site: Path, capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], list[str]]:
    """Everything that the DNS should say of that site."""
    capsys.readouterr()
    assert run(["-C", str(site), "dkim", "show", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)["records"]
    return {
        (DOMAIN, "A"): ["93.184.215.14"],
        (DOMAIN, "MX"): [f"10 mail.{DOMAIN}."],
        (DOMAIN, "TXT"): [txt(SPF), txt("another-service=verification")],
        (f"_spf.{DOMAIN}", "TXT"): [txt("v=spf1 ip4:198.51.100.0/24 ~all")],
        (f"_dmarc.{DOMAIN}", "TXT"): [txt(f"v=DMARC1; p=reject; rua=mailto:me@{DOMAIN}")],
        (f"mail.{DOMAIN}", "A"): ["93.184.215.25"],
        ("fault.test", "A"): ["93.184.215.25"],  # what the relay calls itself
        ("25.215.184.93.in-addr.arpa", "PTR"): [f"mail.{DOMAIN}."],
        **{(record["name"], "TXT"): [txt(record["value"])] for record in records},
    }


@pytest.fixture
def server(healthy: dict[tuple[str, str], list[str]]) -> Iterator[NameServer]:
    with serving(healthy) as running:
        yield running


@pytest.fixture
def doctor(site: Path, server: NameServer, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Asks online; the exit code, and for each check its worst grade."""

    def call(*arguments: str) -> tuple[int, dict[str, str]]:
        capsys.readouterr()
        asked = ("--online", "--nameserver", f"127.0.0.1:{server.port}", "--json", *arguments)
        code = run(["-C", str(site), "doctor", *asked])
        found = json.loads(capsys.readouterr().out)
        assert found["schema"] == "publisher.doctor/1"
        order = ["ok", "info", "warn", "fail"]
        worst: dict[str, str] = {}
        for each in found["diagnoses"]:
            assert each["reason"]
            assert each["remedy"] or each["grade"] == "ok", each
            worst[each["id"]] = max(worst.get(each["id"], "ok"), each["grade"], key=order.index)
        return code, worst

    return call


def test_a_healthy_domain_passes_every_check(doctor: Doctor) -> None:
    code, found = doctor("--strict")
    assert {check: grade for check, grade in found.items() if grade != "ok"} == {}
    assert code == 0
    online = {check for check in REASONS if check[:3] in ("SPF", "DMC", "HST", "SMT")}
    silent = {"SPF008", "DMC006", "HST002", "HST005"}  # these speak of what is wrong alone
    assert online - silent | {"DKM003", "DKM004", "DKM005", "DKM006"} == set(found)


def test_every_check_is_explained_to_operators() -> None:
    docs = Path(__file__).parents[2] / "docs" / "deliverability.md"
    told = re.findall(
        r"^\| `([A-Z]{3}[0-9]{3})` \|", docs.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert told == list(REASONS)


def two_records(zone: dict[tuple[str, str], list[str]]) -> None:
    zone[DOMAIN, "TXT"].append(txt("v=spf1 ~all"))


def eleven_lookups(zone: dict[tuple[str, str], list[str]]) -> None:
    for number in range(9):  # with mx and the one that includes them: 11
        zone[f"s{number}.{DOMAIN}", "TXT"] = [txt("v=spf1 ip4:198.51.100.1 ~all")]
    below = " ".join(f"include:s{number}.{DOMAIN}" for number in range(9))
    zone[f"_spf.{DOMAIN}", "TXT"] = [txt(f"v=spf1 {below} ~all")]


def another_key(zone: dict[tuple[str, str], list[str]]) -> None:
    name = f"autumn._domainkey.{DOMAIN}"
    (record,) = zone[name, "TXT"]
    zone[name, "TXT"] = [record.replace("IDAQAB", "IDAQAA")]
    assert zone[name, "TXT"] != [record]


def no_dmarc(zone: dict[tuple[str, str], list[str]]) -> None:
    del zone[f"_dmarc.{DOMAIN}", "TXT"]


def a_name_that_leads_elsewhere(zone: dict[tuple[str, str], list[str]]) -> None:
    zone["25.215.184.93.in-addr.arpa", "PTR"] = ["pool-17.provider.net."]
    zone["pool-17.provider.net", "A"] = ["198.51.100.17"]


def no_spf(zone: dict[tuple[str, str], list[str]]) -> None:
    zone[DOMAIN, "TXT"] = [txt("something else")]


def a_term_that_nobody_knows(zone: dict[tuple[str, str], list[str]]) -> None:
    zone[f"_spf.{DOMAIN}", "TXT"] = [txt("v=spf1 ipv4:198.51.100.1 ~all")]


def an_include_of_nothing(zone: dict[tuple[str, str], list[str]]) -> None:
    del zone[f"_spf.{DOMAIN}", "TXT"]


def three_hosts_that_are_gone(zone: dict[tuple[str, str], list[str]]) -> None:
    gone = "a:one.gone.net a:two.gone.net mx:three.gone.net"
    zone[f"_spf.{DOMAIN}", "TXT"] = [txt(f"v=spf1 {gone} ~all")]


def everybody_may_send(zone: dict[tuple[str, str], list[str]]) -> None:
    zone[DOMAIN, "TXT"] = [txt("v=spf1 +all")]


def no_dkim_record(zone: dict[tuple[str, str], list[str]]) -> None:
    del zone[f"autumn._domainkey.{DOMAIN}", "TXT"]


def a_revoked_key(zone: dict[tuple[str, str], list[str]]) -> None:
    zone[f"autumn._domainkey.{DOMAIN}", "TXT"] = [txt("v=DKIM1; k=rsa; p=")]


def two_dmarc_records(zone: dict[tuple[str, str], list[str]]) -> None:
    zone[f"_dmarc.{DOMAIN}", "TXT"].append(txt("v=DMARC1; p=none"))


def no_mail_is_taken(zone: dict[tuple[str, str], list[str]]) -> None:
    zone[DOMAIN, "MX"] = ["0 ."]


def no_site(zone: dict[tuple[str, str], list[str]]) -> None:
    del zone[DOMAIN, "A"]


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("SPF001", no_spf),
        ("SPF002", two_records),
        ("SPF003", a_term_that_nobody_knows),
        ("SPF003", an_include_of_nothing),
        ("SPF004", eleven_lookups),
        ("SPF005", three_hosts_that_are_gone),
        ("SPF006", everybody_may_send),
        ("DKM003", no_dkim_record),
        ("DKM004", another_key),
        ("DKM005", a_revoked_key),
        ("DMC001", no_dmarc),
        ("DMC002", two_dmarc_records),
        ("HST001", no_site),
        ("HST003", a_name_that_leads_elsewhere),
        ("HST004", no_mail_is_taken),
    ],
)
def test_what_fails_is_named_by_its_id(
    doctor: Doctor,
    server: NameServer,
    check: str,
    change: Callable[[dict[tuple[str, str], list[str]]], None],
) -> None:
    change(server.zone)
    code, found = doctor()
    assert {each for each, grade in found.items() if grade == "fail"} == {check}
    assert code == 3


@pytest.mark.parametrize(
    ("check", "name"),
    [("SPF008", f"_spf.{DOMAIN}"), ("DMC006", f"_dmarc.{DOMAIN}"), ("SPF008", DOMAIN)],
)
def test_a_name_server_that_fails_is_a_warning_and_no_verdict(
    doctor: Doctor, server: NameServer, check: str, name: str
) -> None:
    server.zone[name, "TXT"] = [SERVFAIL]
    code, found = doctor()
    assert found[check] == "warn"
    assert "fail" not in found.values()
    assert code == 0
    assert doctor("--strict")[0] == 3


def test_records_that_include_each_other_in_a_circle_come_to_an_end(
    doctor: Doctor, server: NameServer
) -> None:
    server.zone[f"_spf.{DOMAIN}", "TXT"] = [txt(f"v=spf1 include:{DOMAIN} ~all")]
    code, found = doctor("--only", "SPF")
    assert found["SPF004"] == "fail"
    assert code == 3
    assert len(server.asked) < 100


def test_a_relay_that_the_record_does_not_name_is_a_warning(
    doctor: Doctor, server: NameServer
) -> None:
    server.zone[DOMAIN, "TXT"] = [txt("v=spf1 ip4:198.51.100.1 -all")]
    assert doctor()[1]["SPF007"] == "warn"


def test_only_what_was_asked_for_is_looked_at(doctor: Doctor, server: NameServer) -> None:
    code, found = doctor("--only", "dmc001", "--only", "DKM")
    assert code == 0
    assert {check[:3] for check in found} == {"DMC", "DKM"}
    assert {check for check in found if check.startswith("DMC")} == {"DMC001"}
    assert {kind for _, kind in server.asked} == {"TXT"}


def test_a_relay_that_is_away_fails(
    site: Path, server: NameServer, capsys: pytest.CaptureFixture[str], relay: FaultRelay
) -> None:
    config = site / "config.toml"
    text = config.read_text(encoding="utf-8")
    try:
        config.write_text(text.replace(f"port = {relay.port}", "port = 1"), encoding="utf-8")
        capsys.readouterr()
        assert run(["-C", str(site), "doctor", "--online", "--only", "SMT001"]) == 3
    finally:
        config.write_text(text, encoding="utf-8")
    assert "no connection" in capsys.readouterr().out


def test_nothing_is_sent_and_the_words_are_for_people(
    site: Path, server: NameServer, relay: FaultRelay, capsys: pytest.CaptureFixture[str]
) -> None:
    del server.zone[f"_dmarc.{DOMAIN}", "TXT"]
    server.zone[DOMAIN, "TXT"].append(txt("v=spf1 \x1b[31m"))
    capsys.readouterr()
    place = f"127.0.0.1:{server.port}"
    assert run(["-C", str(site), "doctor", "--online", "--nameserver", place]) == 3
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out
    assert f"  fail  DMC001  {DOMAIN}: no DMARC record" in captured.out
    assert "        why  Gmail, Yahoo and Outlook want" in captured.out
    assert f'        fix  publish _dmarc.{DOMAIN}. IN TXT "v=DMARC1; p=none;' in captured.out
    assert "2 fail" in captured.err
    assert relay.accepted == []


@pytest.fixture
def sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "sample"
    assert run(["init", str(folder)]) == 0
    capsys.readouterr()
    return folder


def test_a_sample_site_asks_nobody_and_says_so(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(sample), "doctor", "--json"]) == 0
    captured = capsys.readouterr()
    assert "nobody was asked" in captured.err
    found = {each["id"][:3] for each in json.loads(captured.out)["diagnoses"]}
    assert found == {"CHK", "CFG", "DAT", "DKM"}
    assert run(["-C", str(sample), "doctor", "--only", "SPF"]) == 0
    assert "nobody was asked" in capsys.readouterr().err
    assert run(["-C", str(sample), "doctor", "--only", "DAT"]) == 0
    assert "nobody was asked" not in capsys.readouterr().err


def test_a_restored_backup_fails_until_it_is_resumed(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.db"
    assert run(["-C", str(sample), "backup", "--to", str(copy)]) == 0
    assert run(["-C", str(sample), "restore", str(copy), "--yes"]) == 0
    capsys.readouterr()
    assert run(["-C", str(sample), "doctor"]) == 3
    assert "fail  DAT005  fenced: a backup was put back" in capsys.readouterr().out
    assert run(["-C", str(sample), "resume", "--yes"]) == 0
    assert run(["-C", str(sample), "doctor"]) == 0


def test_a_damaged_database_can_be_restored(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, copy = sample / "var" / "publisher.db", tmp_path / "copy.db"
    assert run(["-C", str(sample), "backup", "--to", str(copy)]) == 0
    place.write_bytes(b"garbage!" * 512)
    assert run(["-C", str(sample), "restore", str(copy), "--yes"]) == 0
    assert "what was there before lies in" in capsys.readouterr().err
    place.unlink()
    assert run(["-C", str(sample), "restore", str(copy), "--yes"]) == 0
    assert "there was none before" in capsys.readouterr().err
    assert run(["-C", str(sample), "resume", "--yes"]) == 0


def test_status_tells_what_a_whole_look_found_and_keeps_no_half_one(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["-C", str(sample)]
    assert run([*place, "status"]) == 0
    assert "doctor: has not looked yet" in capsys.readouterr().out
    (sample / "var" / "secret-key").chmod(0o644)
    assert run([*place, "doctor", "--offline"]) == 3
    assert run([*place, "doctor", "--only", "CFG"]) == 3
    assert run([*place, "status", "--json"]) == 0
    *_, told = capsys.readouterr().out.partition('{\n  "schema"')
    assert json.loads('{"schema"' + told)["doctor"] is None
    assert run([*place, "doctor"]) == 3
    capsys.readouterr()
    assert run([*place, "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["doctor"]["problems"]["CFG001"] == "fail"
    assert run([*place, "status"]) == 0
    assert re.search(r"doctor: .* 1 fail, [01] warn: CFG001", capsys.readouterr().out)


def test_a_secret_that_others_can_read_fails_with_the_command_that_mends_it(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = sample / "var" / "secret-key"
    key.chmod(0o644)
    assert run(["-C", str(sample), "doctor", "--only", "CFG001"]) == 3
    assert f"fix  chmod 600 {key}" in capsys.readouterr().out
    key.chmod(0o600)
    assert run(["-C", str(sample), "doctor", "--only", "CFG001"]) == 0


def test_what_check_finds_the_doctor_finds_too(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sample / "content" / "broken.md").write_bytes(b"---\ntitle: [\n---\n")
    assert run(["-C", str(sample), "doctor", "--offline"]) == 3
    assert "fail  CHK001  broken.md" in capsys.readouterr().out


@pytest.mark.parametrize(
    "server", ["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]", "[2001:db8::53]:5353"]
)
def test_a_name_server_is_an_address_with_or_without_a_port(sample: Path, server: str) -> None:
    asked = ("--offline", "--only", "CFG002", "--nameserver", server)
    assert run(["-C", str(sample), "doctor", *asked]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--only", "XYZ001"),
        ("--nameserver", "dns.example.org"),
        ("--nameserver", "127.0.0.1:x"),
        ("--nameserver", "127.0.0.1:99999"),
        ("--nameserver", "127.0.0.1:0"),
        ("--nameserver", "[::1]:"),
        ("--nameserver", "[]"),
    ],
)
def test_an_option_that_means_nothing_is_refused(
    sample: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str]
) -> None:
    assert run(["-C", str(sample), "doctor", *arguments]) == 2
    assert arguments[1] in capsys.readouterr().err
