"""Everything that a verb may need, made once by `publisher.bootstrap` and passed in."""

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from publisher.clock import Clock
from publisher.content.loader import ContentOptions
from publisher.domain.feeds import FeedOptions
from publisher.domain.newsletters import Newsletter
from publisher.domain.signups import Budgets
from publisher.domain.sites import Person, Site
from publisher.errors import NotFound
from publisher.mail.relays import Relay
from publisher.render.templates import Templates
from publisher.services.vitals import Vitals
from publisher.store.engine import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where things lie. `state` is ours alone; `output` is what the world may see."""

    root: Path
    state: Path
    output: Path

    @property
    def inbox(self) -> Path:
        """The Maildir of the built-in inbox."""
        return self.state / "inbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where the web server listens, the proxies that it believes, and what one network may ask.

    `pages_a_minute`: of those rendered anew each time. `refusals_a_minute`: wrong links, tokens
    and passwords. 0 means no limit.
    """

    host: str
    port: int
    trusted_proxies: tuple[str, ...] = ()
    pages_a_minute: int = 120
    refusals_a_minute: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """What the daemon says on stderr, and in which form."""

    level: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberOptions:
    """What subscribers may do, what they are told, and how long things are kept.

    `signup`: whether the form is open. `sender`: who notices are from, None for the newsletter's.
    `confirm_days`, `ip_days`: how long a request waits, and until network addresses are
    shortened. `work_bits`: how much a browser computes before it signs up, 0 for nothing.
    `remember_erased`: an erased address stays suppressed by a keyed hash.
    `reconfirm_days`: after how long without a sign somebody is asked, 0 for never; with `sunset`
    who does not answer is unsubscribed.
    """

    signup: bool = True
    sender: Person | None = None
    welcome: bool = True
    goodbye: bool = False
    budgets: Budgets = field(default_factory=Budgets)
    confirm_days: int = 7
    ip_days: int = 365
    work_bits: int = 0
    remember_erased: bool = True
    reconfirm_days: int = 0
    sunset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnPath:
    """Where reports of failure go: an address for each delivery in `domain`.

    Without a domain they go to the newsletter's sender.
    """

    domain: str = ""
    delimiter: str = "+"


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimOptions:
    """Whose keys sign. An empty `selector`: the relay's; `folder` holds ours."""

    selector: str = ""
    ed25519: bool = True
    folder: Path = Path("var/dkim")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOptions:
    """When the daemon looks for work, and from when on it would rather ask.

    `tick`: between two looks. `max_late`: an issue found due later than this after its slot is
    held, and a silence longer than this stops everything until `publisher resume`.
    """

    tick: timedelta = timedelta(seconds=30)
    max_late: timedelta = timedelta(hours=36)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorOptions:
    """How others see whether we are well.

    `listen`: where metrics are served, None = nowhere. `ping_url`: asked after each issue and
    daily, empty = never. `trusted`: networks whose health checks are answered in detail.
    """

    listen: Listen | None = None
    ping_url: str = ""
    ping_is_private: bool = False
    trusted: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorOptions:
    """Whoever looks after the site. `address`: who is told of issues that wait, empty = nobody.

    `language`: of those mails and of the operator page. `proxy_header`: in which a reverse proxy in
    a trusted network says whom it has let in, empty = nobody is believed.
    """

    address: str = ""
    language: str = "en"
    proxy_header: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One site at work.

    Without `relays` mail goes to the built-in inbox. What is not sent `expires_after` its slot is
    not sent at all. `old_keys` are site keys from before a rotation: links made with them still
    work. `secrets` are the files of passwords.
    """

    site: Site
    newsletters: tuple[Newsletter, ...]
    content: ContentOptions
    feeds: FeedOptions
    relays: tuple[Relay, ...]
    store: Store
    templates: Templates
    clock: Clock
    site_key: bytes
    folders: Folders
    listen: Listen
    log: LogOptions
    bounces: ReturnPath = ReturnPath()
    expires_after: timedelta | None = None
    schedule: ScheduleOptions = ScheduleOptions()
    monitor: MonitorOptions = MonitorOptions()
    operator: OperatorOptions = OperatorOptions()
    vitals: Vitals = field(default_factory=Vitals, compare=False)
    dkim: DkimOptions = DkimOptions()
    old_keys: tuple[bytes, ...] = ()
    secrets: tuple[Path, ...] = ()
    subscribers: SubscriberOptions = field(default_factory=SubscriberOptions)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Every site key that links may have been made with, the present one first."""
        return (self.site_key, *self.old_keys)

    @property
    def relay(self) -> Relay | None:
        """The first relay; None while mail goes to the built-in inbox."""
        return self.relays[0] if self.relays else None

    def newsletter(self, newsletter_id: str) -> Newsletter:
        """The newsletter of that id. Raises `NotFound` with the ids that there are."""
        for newsletter in self.newsletters:
            if newsletter.id == newsletter_id:
                return newsletter
        known = tuple(newsletter.id for newsletter in self.newsletters)
        raise NotFound("newsletter", newsletter_id, known)
