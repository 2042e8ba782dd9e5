"""What may be set, with types, bounds and defaults.

Defaults stand here and, for people, in the shipped config.toml; a test keeps the two equal.
"""

from datetime import date, time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from publisher.domain.dkim import SELECTOR
from publisher.domain.newsletters import FIRST_MONDAY
from publisher.settings.values import (
    Address,
    BaseUrl,
    Encoding,
    Language,
    Limit,
    Line,
    LocalTime,
    Moment,
    Network,
    OptionalAddress,
    OptionalHttps,
    OptionalUrl,
    OptionalZone,
    PingUrl,
    Zone,
)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class SiteSettings(_Section):
    """`[site]`: who publishes."""

    title: Annotated[Line, Field(min_length=1)]
    base_url: BaseUrl
    timezone: Zone
    since: Annotated[int, Field(ge=1990, le=9999)]
    description: Line = ""
    language: Language = "en"
    author: Line = ""
    author_email: OptionalAddress = ""
    authority: Annotated[str, Field(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")] = ""
    postal_address: Line = ""


class ContentSettings(_Section):
    """`[content]`: where the posts are and whose habits they follow."""

    folder: str = "content"
    site: str = ""
    dialect: Literal["auto", "hexo", "hugo", "jekyll", "pelican", "plain"] = "auto"
    permalink: str = ""
    permalink_timezone: OptionalZone = ""
    encoding: Encoding = ""


class PodcastSettings(_Section):
    """`[feeds.podcast]`: what directories of podcasts ask for."""

    category: Line = ""
    image: OptionalHttps = ""
    author: Line = ""
    email: OptionalAddress = ""
    explicit: bool = False

    @model_validator(mode="after")
    def _whole(self) -> "PodcastSettings":
        if bool(self.category) is not bool(self.image):
            raise ValueError("set category and image both: directories refuse a feed without one")
        return self


class FeedsSettings(_Section):
    """`[feeds]`: what is published for everybody."""

    folder: str = "public"
    entries: Annotated[int, Field(ge=1, le=500)] = 30
    content: Literal["full", "summary"] = "full"
    media_type: Literal["feed", "xml"] = "feed"
    hub: OptionalUrl = ""
    hub_is_private: bool = False
    redirects: dict[str, str] = {}
    podcast: PodcastSettings = PodcastSettings()


class NewsletterSettings(_Section):
    """`[[newsletters]]`: one digest."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    title: Annotated[Line, Field(min_length=1)]
    timezone: Zone
    sender_name: Annotated[Line, Field(min_length=1)]
    sender_address: Address
    description: Line = ""
    language: Annotated[str, Field(pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$")] = ""
    cadence: Literal["instant", "daily", "weekly", "biweekly", "monthly", "posts"] = "weekly"
    weekday: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "fri"
    anchor: date = FIRST_MONDAY
    day: Annotated[int, Field(ge=1, le=31)] = 1
    every: Annotated[int, Field(ge=1, le=1000)] = 5
    frequencies: list[Literal["instant", "daily", "weekly", "biweekly", "monthly"]] = []
    topics: list[Line] = []
    languages: list[Language] = []
    at: LocalTime = time(8)
    approval: bool = False
    tags: list[Line] = []
    without_tags: list[Line] = []
    categories: list[Line] = []
    posts_language: Annotated[str, Field(pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$")] = ""
    pinned_tags: list[Line] = []
    min_posts: Annotated[int, Field(ge=1, le=1000)] = 1
    max_posts: Annotated[int, Field(ge=0, le=1000)] = 0
    order: Literal["newest", "oldest"] = "newest"
    reply_to: OptionalAddress = ""
    template: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")] = "digest"
    public: bool = True
    start: Moment | None = None
    relays: list[str] = []
    on_unknown: Literal["hold", "resend"] = "hold"
    archive: bool = True
    embed_images: Annotated[int, Field(ge=0, le=2000)] = 0

    @model_validator(mode="after")
    def _apart(self) -> "NewsletterSettings":
        if self.cadence == "posts" and "instant" in self.frequencies:
            raise ValueError(
                "frequencies cannot offer instant beside cadence posts: both take their periods "
                "from posts; make cadence a calendar one, or leave instant out"
            )
        return self

    @model_validator(mode="after")
    def _can_be_filled(self) -> "NewsletterSettings":
        wanted = {"min_posts": self.min_posts}
        if self.cadence == "posts":
            wanted["every"] = self.every
        for name, number in wanted.items():
            if 0 < self.max_posts < number:
                raise ValueError(
                    f"{name} is {number} and max_posts {self.max_posts}: no issue would ever have "
                    "enough posts; raise max_posts, or leave it out"
                )
        return self


class SubscribersSettings(_Section):
    """`[subscribers]`: signing up, notices, and how long things are kept."""

    signup: bool = True
    sender_name: Line = ""
    sender_address: OptionalAddress = ""
    welcome: bool = True
    goodbye: bool = False
    mails_an_hour: Annotated[int, Field(ge=1, le=100_000)] = 300
    work_bits: Annotated[int, Field(ge=0, le=24)] = 0
    confirm_days: Annotated[int, Field(ge=1, le=90)] = 7
    ip_days: Annotated[int, Field(ge=1, le=3650)] = 365
    remember_erased: bool = True
    reconfirm_days: Annotated[int, Field(ge=0, le=3650)] = 0
    sunset: bool = False


class SmtpSettings(_Section):
    """`[smtp]`: the relay. An empty host means the built-in inbox."""

    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    password_file: str = ""
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 600.0
    login: Literal["auto", "plain", "login", "xoauth2"] = "auto"
    kind: Literal["relay", "direct", "ses", "gmail"] = "relay"
    pipelining: Literal["auto", "dot", "envelope", "off"] = "auto"
    max_connections: Annotated[int, Field(ge=1, le=512)] = 16
    per_connection: Limit = 100
    rate: Annotated[float, Field(ge=0)] = 0.0
    per_hour: Limit = 0
    per_day: Limit = 0
    per_domain: Annotated[int, Field(ge=0, le=20)] = 0
    warm_up: bool = False
    name: Annotated[str, Field(pattern=r"^[a-z0-9-]*$")] = ""


class RelaySettings(SmtpSettings):
    """`[[relays]]`: further relays, beside or behind the one of `[smtp]`."""

    host: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    weight: Annotated[int, Field(ge=0, le=1000)] = 1


class DeliverySettings(_Section):
    """`[delivery]`: where failures come back, and when news is too old."""

    bounce_domain: Annotated[str, Field(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")] = ""
    bounce_delimiter: Literal["+", "-"] = "+"
    expire_hours: Annotated[int, Field(ge=0, le=100_000)] = 0


class DkimSettings(_Section):
    """`[dkim]`: our own signatures. An empty selector means that the relay signs."""

    selector: Annotated[str, Field(pattern=rf"^({SELECTOR})?$")] = ""
    ed25519: bool = True


class WebSettings(_Section):
    """`[web]`: where the pages are served."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    trusted_proxies: list[Network] = ["127.0.0.0/8", "::1/128"]
    pages_a_minute: Limit = 120
    refusals_a_minute: Limit = 30


class ScheduleSettings(_Section):
    """`[schedule]`: how the daemon wakes."""

    tick_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    max_late_hours: Annotated[float, Field(gt=0, le=24 * 60)] = 36.0


class MonitorSettings(_Section):
    """`[monitor]`: how others see whether we are well."""

    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    ping_url: PingUrl = ""
    ping_private: bool = False
    trusted_networks: list[Network] = []


class OperatorSettings(_Section):
    """`[operator]`: whoever looks after the site."""

    address: OptionalAddress = ""
    language: Annotated[str, Field(pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$")] = ""
    auth_proxy_header: Annotated[str, Field(pattern=r"^([A-Za-z][A-Za-z0-9-]*)?$")] = ""


class StateSettings(_Section):
    """`[state]`: our own files."""

    folder: str = "var"
    durable: bool = True


class TemplatesSettings(_Section):
    """`[templates]`: a folder whose files take the place of the shipped ones, and the inliner."""

    folder: str = ""
    inliner: Literal["premailer", "css-inline"] = "premailer"


class LogSettings(_Section):
    """`[log]`: what the daemon says on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json", "journald"] = "auto"


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="PUBLISHER_",
        env_nested_delimiter="__",
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
    )

    site: SiteSettings
    content: ContentSettings = ContentSettings()
    feeds: FeedsSettings = FeedsSettings()
    newsletters: list[NewsletterSettings] = []
    smtp: SmtpSettings = SmtpSettings()
    subscribers: SubscribersSettings = SubscribersSettings()
    relays: list[RelaySettings] = []
    delivery: DeliverySettings = DeliverySettings()
    dkim: DkimSettings = DkimSettings()
    web: WebSettings = WebSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    monitor: MonitorSettings = MonitorSettings()
    operator: OperatorSettings = OperatorSettings()
    state: StateSettings = StateSettings()
    templates: TemplatesSettings = TemplatesSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file (which is handed over by `load`)."""
        return env_settings, init_settings
