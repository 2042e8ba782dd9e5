"""Settings become an `App`: the only place that names concrete classes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from publisher.clock import Clock, system_clock
from publisher.content.generators import read_habits
from publisher.content.loader import ContentOptions
from publisher.content.places import EVERYWHERE
from publisher.domain.deliveries import OnUnknown
from publisher.domain.feeds import FeedOptions, Podcast
from publisher.domain.newsletters import WEEKDAYS, Cadence, Frequency, Newsletter, Schedule
from publisher.domain.replies import RelayKind
from publisher.domain.selection import Order, Selection
from publisher.domain.signups import Budgets
from publisher.domain.sites import Person, Site
from publisher.mail.relays import Login, Pipelining, Relay, Security
from publisher.render.inlining import fast_inliner
from publisher.render.templates import Templates
from publisher.services import sites
from publisher.services.app import (
    App,
    DkimOptions,
    Folders,
    Listen,
    LogOptions,
    MonitorOptions,
    OperatorOptions,
    ReturnPath,
    ScheduleOptions,
    SubscriberOptions,
)
from publisher.services.output import refuse_used
from publisher.services.vitals import Vitals
from publisher.settings import (
    NewsletterSettings,
    RelaySettings,
    Settings,
    SmtpSettings,
    create_site_key,
    load_settings,
    read_site_keys,
    rotate_site_key,
)
from publisher.store.engine import copy_database, open_store


def database_of(config: Path) -> Path:
    """Where the database of a site lies. Raises `ConfigError`."""
    settings = load_settings(config)
    return config.resolve().parent / settings.state.folder / "publisher.db"


@contextmanager
def open_app(
    config: Path, *, clock: Clock = system_clock, vitals: Vitals | None = None
) -> Iterator[App]:
    """The site of a config file, ready to work; closes the database at the end.

    Raises `ConfigError` with every problem of the settings, `StoreError` for the database.
    """
    settings = load_settings(config)
    root = config.resolve().parent
    keys = read_site_keys(settings, root)
    store = open_store(database_of(config), durable=settings.state.durable)
    try:
        yield App(
            site=_site(settings),
            newsletters=tuple(_newsletter(n, settings) for n in settings.newsletters),
            content=_content(settings, root),
            feeds=_feeds(settings),
            relays=_relays(settings),
            bounces=ReturnPath(
                domain=settings.delivery.bounce_domain, delimiter=settings.delivery.bounce_delimiter
            ),
            expires_after=(
                timedelta(hours=settings.delivery.expire_hours)
                if settings.delivery.expire_hours
                else None
            ),
            dkim=DkimOptions(
                selector=settings.dkim.selector,
                ed25519=settings.dkim.ed25519,
                folder=root / settings.state.folder / "dkim",
            ),
            store=store,
            templates=_templates(settings, root),
            clock=clock,
            site_key=keys[0],
            old_keys=keys[1:],
            secrets=_secrets(settings, root),
            subscribers=_subscribers(settings),
            folders=Folders(
                root=root, state=root / settings.state.folder, output=root / settings.feeds.folder
            ),
            listen=Listen(
                host=settings.web.host,
                port=settings.web.port,
                trusted_proxies=tuple(settings.web.trusted_proxies),
                pages_a_minute=settings.web.pages_a_minute,
                refusals_a_minute=settings.web.refusals_a_minute,
            ),
            log=LogOptions(level=settings.log.level, format=settings.log.format),
            monitor=_monitor(settings),
            operator=OperatorOptions(
                address=settings.operator.address,
                language=settings.operator.language or settings.site.language,
                proxy_header=settings.operator.auth_proxy_header,
            ),
            vitals=vitals or Vitals(),
            schedule=ScheduleOptions(
                tick=timedelta(seconds=settings.schedule.tick_seconds),
                max_late=timedelta(hours=settings.schedule.max_late_hours),
            ),
        )
    finally:
        store.close()


@contextmanager
def open_rehearsal(config: Path, *, out: Path, clock: Clock = system_clock) -> Iterator[App]:
    """The site on a copy of its database, with `out` as its output folder: whatever is built with
    it, the site itself stays as it is.

    Raises as `open_app` does, and `PublisherError` for a folder in which something lies.
    """
    with open_app(config, clock=clock) as app:
        refuse_used(out, beside=app.folders.output)
        with TemporaryDirectory(prefix="rehearsal-", dir=app.folders.state) as aside:
            database = Path(aside) / "publisher.db"
            copy_database(database_of(config), database)
            store = open_store(database, durable=False)
            try:
                yield replace(app, store=store, folders=replace(app.folders, output=out))
            finally:
                store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What founding a site did: files created and kept, how many subscribers joined."""

    created: tuple[str, ...]
    kept: tuple[str, ...]
    subscribers: int


def found_site(folder: Path, *, sample: bool) -> Opening:
    """Makes a folder a site: config, content, secret key, database. May be repeated."""
    founded = sites.found(folder, sample=sample, today=system_clock().date())
    config = folder / "config.toml"
    created = list(founded.created)
    settings = load_settings(config)
    is_new = not database_of(config).exists()  # another key would break all links of an old one
    if is_new and create_site_key(settings, folder.resolve()):
        created.append(f"{settings.state.folder}/secret-key")
    joined = 0
    with open_app(config) as app:
        if sample and sites.is_sample(folder):
            joined = sites.invite_sample_subscribers(app)
    return Opening(created=tuple(created), kept=founded.kept, subscribers=joined)


def rotate_key(config: Path) -> int:
    """Puts a new site key before the present one; returns how many are accepted now.

    Raises `ConfigError`.
    """
    return rotate_site_key(load_settings(config), config.resolve().parent)


def _site(settings: Settings) -> Site:
    site = settings.site
    return Site(
        title=site.title,
        description=site.description,
        base_url=site.base_url,
        language=site.language,
        zone=ZoneInfo(site.timezone),
        author=Person(name=site.author, email=site.author_email),
        authority=site.authority,
        since=site.since,
        postal_address=site.postal_address,
    )


def _templates(settings: Settings, root: Path) -> Templates:
    templates = settings.templates
    return Templates(
        root / templates.folder if templates.folder else None,
        fast_inliner() if templates.inliner == "css-inline" else None,
        compiled=root / settings.state.folder / "cache" / "templates",
    )


def _newsletter(newsletter: NewsletterSettings, settings: Settings) -> Newsletter:
    zone = ZoneInfo(newsletter.timezone)
    return Newsletter(
        id=newsletter.id,
        title=newsletter.title,
        description=newsletter.description,
        language=newsletter.language or settings.site.language,
        sender=Person(name=newsletter.sender_name, email=newsletter.sender_address),
        schedule=_schedule(newsletter, zone),
        template=newsletter.template,
        start=_start(newsletter, zone),
        reply_to=newsletter.reply_to,
        public=newsletter.public,
        relays=tuple(newsletter.relays),
        on_unknown=OnUnknown(newsletter.on_unknown),
        selection=Selection(
            tags=frozenset(newsletter.tags),
            without_tags=frozenset(newsletter.without_tags),
            categories=frozenset(newsletter.categories),
            language=newsletter.posts_language,
            pinned=frozenset(newsletter.pinned_tags),
            least=newsletter.min_posts,
            most=newsletter.max_posts,
            order=Order(newsletter.order),
        ),
        approval=newsletter.approval,
        is_archived=newsletter.archive,
        embed_bytes=newsletter.embed_images * 1000,
        frequencies=_frequencies(newsletter),
        topics=tuple(dict.fromkeys(newsletter.topics)),
        languages=tuple(dict.fromkeys(newsletter.languages)),
    )


def _frequencies(newsletter: NewsletterSettings) -> tuple[Frequency, ...]:
    """Those on offer beside the newsletter's own cadence, the most frequent first."""
    return tuple(
        each for each in Frequency if each in newsletter.frequencies and each != newsletter.cadence
    )


def _subscribers(settings: Settings) -> SubscriberOptions:
    people, site = settings.subscribers, settings.site
    sender = Person(name=people.sender_name or site.title, email=people.sender_address)
    return SubscriberOptions(
        signup=people.signup,
        sender=sender if people.sender_address else None,
        welcome=people.welcome,
        goodbye=people.goodbye,
        budgets=Budgets(an_hour=people.mails_an_hour),
        confirm_days=people.confirm_days,
        ip_days=people.ip_days,
        work_bits=people.work_bits,
        remember_erased=people.remember_erased,
        reconfirm_days=people.reconfirm_days,
        sunset=people.sunset,
    )


def _schedule(newsletter: NewsletterSettings, zone: ZoneInfo) -> Schedule:
    """`instant` is a newsletter that counts posts, and one is enough."""
    is_instant = newsletter.cadence == "instant"
    return Schedule(
        cadence=Cadence.POSTS if is_instant else Cadence(newsletter.cadence),
        zone=zone,
        at=newsletter.at,
        weekday=WEEKDAYS.index(newsletter.weekday),
        day=newsletter.day,
        anchor=newsletter.anchor,
        every=1 if is_instant else newsletter.every,
    )


def _feeds(settings: Settings) -> FeedOptions:
    feeds, podcast = settings.feeds, settings.feeds.podcast
    return FeedOptions(
        entries=feeds.entries,
        full=feeds.content == "full",
        hub=feeds.hub,
        hub_is_private=feeds.hub_is_private,
        media_type=feeds.media_type,
        redirects=tuple(feeds.redirects.items()),
        podcast=Podcast(
            author=podcast.author or settings.site.author,
            email=podcast.email or settings.site.author_email,
            category=podcast.category,
            image=podcast.image,
            is_explicit=podcast.explicit,
        )
        if podcast.category
        else None,
    )


def _start(newsletter: NewsletterSettings, zone: ZoneInfo) -> datetime | None:
    """A date means its first moment in the newsletter's zone; so does a time without offset."""
    start = newsletter.start
    if start is None:
        return None
    moment = start if isinstance(start, datetime) else datetime.combine(start, time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _content(settings: Settings, root: Path) -> ContentOptions:
    """Our own settings, and where they are silent those of the generator's site."""
    content = settings.content
    habits = read_habits(root / content.site) if content.site else None
    language = habits.language if habits else ""
    zone = habits.zone if habits else ""
    return ContentOptions(
        folder=habits.folder if habits else root / content.folder,
        dialect=habits.dialect if habits and content.dialect == "auto" else content.dialect,
        zone=ZoneInfo(zone or settings.site.timezone),
        base_url=settings.site.base_url,
        language=language or settings.site.language,
        permalink=content.permalink or (habits.permalink if habits else ""),
        permalink_zone=(
            ZoneInfo(content.permalink_timezone) if content.permalink_timezone else None
        ),
        encoding=content.encoding,
        roots=habits.roots if habits else (),
        places=habits.places if habits else EVERYWHERE,
        naming=habits.naming if habits else "",
        default_category=(habits.default_category if habits else "") or "uncategorized",
        protected_tags=habits.protected_tags if habits else frozenset(),
        cache=root / settings.state.folder / "cache",
    )


def _monitor(settings: Settings) -> MonitorOptions:
    monitor = settings.monitor
    listen = Listen(host=monitor.metrics_host, port=monitor.metrics_port)
    return MonitorOptions(
        listen=listen if monitor.metrics_port else None,
        ping_url=monitor.ping_url,
        ping_is_private=monitor.ping_private,
        trusted=tuple(ip_network(network) for network in monitor.trusted_networks),
    )


def _relays(settings: Settings) -> tuple[Relay, ...]:
    """The relay of `[smtp]` first, then the further ones."""
    first = [settings.smtp] if settings.smtp.host else []
    return tuple(_relay(relay) for relay in (*first, *settings.relays))


def _secrets(settings: Settings, root: Path) -> tuple[Path, ...]:
    """The files that hold passwords of relays."""
    relays = (settings.smtp, *settings.relays)
    return tuple(root / relay.password_file for relay in relays if relay.password_file)


def _relay(relay: SmtpSettings) -> Relay:
    return Relay(
        name=relay.name,
        host=relay.host,
        port=relay.port,
        security=Security(relay.security),
        username=relay.username,
        password=relay.password.get_secret_value(),
        login=Login(relay.login),
        kind=RelayKind(relay.kind),
        timeout_seconds=relay.timeout_seconds,
        pipelining=Pipelining("dot" if relay.pipelining == "auto" else relay.pipelining),
        max_connections=relay.max_connections,
        per_connection=relay.per_connection,
        rate=relay.rate,
        per_hour=relay.per_hour,
        per_day=relay.per_day,
        per_domain=relay.per_domain,
        warm_up=relay.warm_up,
        weight=relay.weight if isinstance(relay, RelaySettings) else 1,
    )
