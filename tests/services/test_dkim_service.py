"""Keys of our own."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.domain.sites import Person
from publisher.errors import ConfigError, PublisherError
from publisher.services import checks, dkim, signups
from publisher.services.app import App, DkimOptions
from tests.factories import make_newsletter
from tests.people import ask, mails_to


@pytest.fixture
def site(app: App, tmp_path: Path) -> App:
    other = make_newsletter(id="daily", sender=Person(name="D", email="d@daily.example.net"))
    folder = tmp_path / "dkim"
    return replace(
        app, newsletters=(*app.newsletters, other), dkim=DkimOptions(selector="s", folder=folder)
    )


def test_each_sender_s_domain_gets_two_keys_that_only_their_owner_can_read(site: App) -> None:
    made = dkim.keygen(site, "s")

    assert [key.record.name for key in made] == [
        "s._domainkey.daily.example.net",
        "s-ed._domainkey.daily.example.net",
        "s._domainkey.example.org",
        "s-ed._domainkey.example.org",
    ]
    assert all(stat.S_IMODE(key.path.stat().st_mode) == 0o600 for key in made)
    assert [key.record for key in made] == dkim.records(site, "s")
    assert len(dkim.keys(site, "letters@example.org")) == 2


def test_notices_from_a_domain_of_their_own_have_keys_too(site: App) -> None:
    sender = Person(name="Lighthouse", email="hello@notices.example.org")
    apart = replace(site, subscribers=replace(site.subscribers, sender=sender))
    assert dkim.keygen(apart, "s")
    assert "s._domainkey.notices.example.org" in [each.name for each in dkim.records(apart, "s")]

    ask(apart, "ann@example.org")
    signups.work_off(apart)

    assert "d=notices.example.org" in mails_to(apart, "ann@example.org")[0]["DKIM-Signature"]
    for path in (site.dkim.folder / "notices.example.org").iterdir():
        path.unlink()
    found = checks.check(apart, now=apart.clock()).findings
    assert [one.where for one in found if "notices.example.org" in one.problem] == ["dkim.selector"]


def test_keys_that_are_there_are_never_made_anew(site: App) -> None:
    before = [key.record for key in dkim.keygen(site, "s")]
    again = dkim.keygen(site, "s")
    assert [key.record for key in again] == before
    assert not any(key.is_new for key in again)


def test_without_ed25519_there_is_one_key(site: App) -> None:
    single = replace(site, dkim=replace(site.dkim, ed25519=False))
    assert len(dkim.keygen(single, "s")) == 2
    assert len(dkim.keys(single, "letters@example.org")) == 1


def test_a_file_that_is_no_key_is_named(site: App) -> None:
    (path, *_) = [key.path for key in dkim.keygen(site, "s")]
    path.write_text("not a key")
    with pytest.raises(ConfigError, match=rf"{path.name}.*PEM"):
        dkim.records(site, "s")


@pytest.mark.parametrize("selector", ["../elsewhere", "a/b", "two words", "Ünï", "a.b", "-a", "A"])
def test_a_selector_that_no_setting_takes_makes_no_file(site: App, selector: str) -> None:
    with pytest.raises(PublisherError, match="small letters, digits, hyphens"):
        dkim.keygen(site, selector)
    assert list(site.folders.root.rglob("*.pem")) == []
