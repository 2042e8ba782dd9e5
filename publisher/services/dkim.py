"""Our own signing keys: made once, kept readable by their owner only, told to the DNS.

`var/dkim/<domain>/<selector>.pem` is the RSA key, `<selector>-ed.pem` that by Ed25519. Another
selector means other keys: make them, publish their records, then change the setting.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from publisher.domain.dkim import SELECTOR
from publisher.errors import ConfigError, PublisherError
from publisher.mail.dkim import (
    Key,
    Record,
    dkim_record,
    generate_ed25519,
    generate_rsa,
    load_key,
)
from publisher.services.app import App
from publisher.services.output import write_file

DEFAULT_SELECTOR = "publisher"
_MAKERS = {"": generate_rsa, "-ed": generate_ed25519}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """One key: its file, whether it was made just now, and what must stand in the DNS."""

    path: Path
    is_new: bool
    record: Record


def keys(app: App, sender: str) -> tuple[Key, ...]:
    """The keys that sign for a sender's address; none where the relay signs.

    Raises `ConfigError` where one is missing: unsigned mail is worse than mail that waits.
    """
    selector = app.dkim.selector
    if not selector:
        return ()
    return tuple(_read(path, name) for path, name in _places(app, _domain(sender), selector))


def keygen(app: App, selector: str) -> list[KeyFile]:
    """Makes what keys are missing for the domains that mail is from.

    Raises `PublisherError` for a selector that the settings would not take, having made nothing.
    """
    if not re.fullmatch(SELECTOR, selector, re.ASCII):
        raise PublisherError(f"{selector!r} is no selector: small letters, digits, hyphens")
    found = []
    for domain in _domains(app):
        for path, name in _places(app, domain, selector):
            is_new = not path.exists()
            if is_new:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_file(path, _MAKERS[name.removeprefix(selector)](), mode=0o600)
            found.append(KeyFile(path=path, is_new=is_new, record=dkim_record(_read(path, name))))
    return found


def records(app: App, selector: str) -> list[Record]:
    """What must stand in the DNS. Raises `ConfigError` where a key is missing."""
    places = [place for domain in _domains(app) for place in _places(app, domain, selector)]
    return [dkim_record(_read(path, name)) for path, name in places]


def senders(app: App) -> list[str]:
    """The addresses that mail is from, of issues and of notices, one a domain."""
    addresses = [newsletter.sender.email for newsletter in app.newsletters]
    if app.subscribers.sender:
        addresses.append(app.subscribers.sender.email)
    return list({_domain(address): address for address in addresses}.values())


def _domains(app: App) -> list[str]:
    return sorted(map(_domain, senders(app)))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _places(app: App, domain: str, selector: str) -> Iterator[tuple[Path, str]]:
    """Each key's file, in whose folder it lies by domain, and its own selector."""
    for ending in _MAKERS if app.dkim.ed25519 else [""]:
        yield app.dkim.folder / domain / f"{selector}{ending}.pem", f"{selector}{ending}"


def _read(path: Path, selector: str) -> Key:
    try:
        return load_key(path.read_bytes(), domain=path.parent.name, selector=selector)
    except FileNotFoundError:
        problem = "there is no such key; `publisher dkim keygen` makes it"
    except OSError as error:
        problem = error.strerror or "cannot be read"
    except ValueError as error:
        problem = str(error)
    raise ConfigError([f"{path}: {problem}"])
