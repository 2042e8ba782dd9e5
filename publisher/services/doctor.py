"""Looks at everything that mail depends on: this machine and its data, the DNS, the relays.

`examine` changes nothing. The daemon has itself examined once a day and keeps what was found.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from publisher.domain.checkups import Checkup, Diagnosis, chosen, is_wanted
from publisher.net.dns import Resolver
from publisher.services import doctor_offline, doctor_online
from publisher.services.app import App
from publisher.services.doctor_online import Others
from publisher.store import checkups as rows

OFFLINE: dict[str, Callable[[App], Iterator[Diagnosis]]] = {
    "CHK": doctor_offline.settings,
    "CFG": doctor_offline.machine,
    "DAT": doctor_offline.data,
    "DKM": doctor_offline.keys,
}
ONLINE: dict[str, Callable[[App, Others], Iterator[Diagnosis]]] = {
    "DKM": doctor_online.keys,
    "SPF": doctor_online.spf_records,
    "DMC": doctor_online.dmarc_records,
    "HST": doctor_online.names,
    "SMT": doctor_online.dialogues,
}
"""Group -> what finds its diagnoses."""


def examine(
    app: App,
    *,
    offline: bool = True,
    online: bool = True,
    only: Sequence[str] = (),
    resolver: Resolver | None = None,
) -> Checkup:
    """Looks, by groups. `only`: ids (`SPF002`) or groups (`SPF`); none means all."""
    found: list[Diagnosis] = []
    if offline:
        found += _all(look(app) for group, look in OFFLINE.items() if is_wanted(group, only))
    if online:
        others = Others(resolver or Resolver())
        found += _all(look(app, others) for group, look in ONLINE.items() if is_wanted(group, only))
    return Checkup(at=app.clock(), diagnoses=chosen(found, only))


def why_not_online(app: App) -> str:
    """Why there is nothing to ask others; empty where there is."""
    if app.site.is_sample:
        return f"{app.site.base_url} is nowhere in the DNS: a sample site"
    return ""


def daily(app: App) -> None:
    """The whole examination, kept. A sample site asks nobody."""
    keep(app, examine(app, online=not why_not_online(app)))


def keep(app: App, checkup: Checkup) -> None:
    """What was found stands in `status`, on the operator page and in the metrics."""
    with app.store.begin() as tx:
        rows.put(tx, checkup)


def last(app: App) -> Checkup | None:
    """The last one that was kept, with its problems alone."""
    with app.store.read() as tx:
        return rows.last(tx)


def _all(groups: Iterable[Iterable[Diagnosis]]) -> list[Diagnosis]:
    return [each for group in groups for each in group]
