"""What the database holds. Migrations make the same; a test compares the two."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from publisher.store.types import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

posts = Table(
    "posts",  # the id registry: an id is given once and never again
    metadata,
    Column("id", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("gone_at", UtcDateTime, nullable=True),
    Index(None, "path"),
)

labels = Table(
    "labels",  # a slug is given once and never again
    metadata,
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("kind", "key"),
    UniqueConstraint("kind", "slug"),
)

documents = Table(
    "documents",  # every address ever published
    metadata,
    Column("path", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("source", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("modified_at", UtcDateTime, nullable=False),
    Column("max_age", Integer, nullable=False),
    Column("gone_at", UtcDateTime),
    Index(None, "owner"),
)

pings = Table(
    "pings",  # what a hub was told of each feed document, and when to tell it again
    metadata,
    Column("path", Text, primary_key=True),
    Column("digest", String(64), nullable=False),  # of the bytes it was told of; empty = none yet
    Column("attempts", Integer, nullable=False),  # in vain, since it was last told
    Column("next_attempt_at", UtcDateTime),
    Column("told_at", UtcDateTime),
    Column("answer", Text, nullable=False),
)

feed_polls = Table(
    "feed_polls",  # answers to feed readers
    metadata,
    Column("day", Date, nullable=False),  # of the site's zone
    Column("feed", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answers", Integer, nullable=False),
    PrimaryKeyConstraint("day", "feed", "status"),
)

feed_readers = Table(
    "feed_readers",  # who asked within the last days: hosted readers, and pseudonyms
    metadata,
    Column("feed", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("is_hosted", Boolean, nullable=False),
    Column("group", Text, nullable=False),
    Column("people", Integer, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("feed", "name"),
    Index(None, "seen_at"),
)

feed_reader_days = Table(
    "feed_reader_days",  # how many people read a feed, at least, by day
    metadata,
    Column("day", Date, primary_key=True),
    Column("people", Integer, nullable=False),
)

newsletters = Table(
    "newsletters",  # a row for each, and one for each of its further series that is open
    metadata,
    Column("id", Text, nullable=False),
    Column("series", Text, nullable=False, server_default=""),  # empty for its own schedule
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("schedule", Text, nullable=False),  # in words; another one counts from `rule_from` on
    Column("rule_from", UtcDateTime, nullable=False),
    Column("offered", Text, nullable=False, server_default=""),  # the series, when last looked
    PrimaryKeyConstraint("id", "series"),
)

issues = Table(
    "issues",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("newsletter", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("slot", UtcDateTime, nullable=False),
    Column("status", Text, nullable=False),
    Column("cause", Text, nullable=False),  # why it is held or skipped, in one word
    Column("reason", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("series", Text, nullable=False, server_default=""),
    UniqueConstraint("newsletter", "period"),  # one issue a period
)

memos = Table(
    "memos",  # what the operator was told of an issue: each matter once
    metadata,
    Column("issue", ForeignKey("issues.id", ondelete="CASCADE"), nullable=False),
    Column("matter", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("deferrals", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    PrimaryKeyConstraint("issue", "matter"),
)

issue_posts = Table(
    "issue_posts",
    metadata,
    Column("newsletter", Text, nullable=False),
    Column("series", Text, nullable=False, server_default=""),
    Column("post", Text, nullable=False),
    # That of another series, where this one had not begun yet.
    Column("issue", ForeignKey("issues.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("newsletter", "series", "post"),  # each post once
    Index(None, "issue"),
)

variants = Table(
    "variants",
    metadata,
    Column("issue", ForeignKey("issues.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("language", Text, nullable=False, server_default=""),  # of its words
    Column("posts", Text, nullable=False, server_default=""),  # their ids as JSON
    PrimaryKeyConstraint("issue", "key"),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", Text, nullable=False),
    Column("address_key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice: deliveries remember it
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber", ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("newsletter", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("language", Text, nullable=False, server_default=""),
    Column("request", Integer, nullable=False, server_default="0"),  # the newest confirmation
    Column("paused_until", UtcDateTime),
    Column("seen_at", UtcDateTime),  # the last sign that somebody still wants it
    Column("asked_at", UtcDateTime),  # when we asked whether they do
    Column("frequency", Text, nullable=False, server_default=""),  # chosen; empty for none
    Column("topics", Text, nullable=False, server_default=""),  # chosen; empty for all
    Column("languages", Text, nullable=False, server_default=""),  # of posts; empty for all
    UniqueConstraint("subscriber", "newsletter"),
    Index(None, "newsletter", "status", "frequency"),
    # A number is never given twice: an old unsubscribe link must not end a stranger's
    # subscription.
    sqlite_autoincrement=True,
)

balances = Table(
    "balances",  # of who went to another series: what they had, or are owed, beside what it carried
    metadata,
    Column("subscription", ForeignKey("subscriptions.id", ondelete="CASCADE"), nullable=False),
    Column("post", Text, nullable=False),
    Column("is_owed", Boolean, nullable=False),
    PrimaryKeyConstraint("subscription", "post"),
)

consents = Table(
    "consents",  # append only: who said what, when, and how we know
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscription", ForeignKey("subscriptions.id", ondelete="CASCADE"), nullable=False),
    Column("event", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("address", Text, nullable=False, server_default=""),  # as it was then
    Column("text", Text, nullable=False, server_default=""),  # the hash of a consent text
    Column("ip", Text, nullable=False, server_default=""),
    Column("message_id", Text, nullable=False, server_default=""),
    Index(None, "subscription"),
    Index(None, "event", "at"),
)

consent_texts = Table(
    "consent_texts",  # every version of the words that people agreed to
    metadata,
    Column("hash", Text, primary_key=True),
    Column("language", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("first_used_at", UtcDateTime, nullable=False),
)

signups = Table(
    "signups",  # what was asked for at the form; the budgets are counted here
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", Text, nullable=False),  # empty once decided
    Column("address_hash", Text, nullable=False),
    Column("newsletter", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("ip", Text, nullable=False),  # empty once decided
    Column("network", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("frequency", Text, nullable=False, server_default=""),
    Index(None, "verdict", "id"),
    Index(None, "network", "at"),
    Index(None, "at"),
)

signup_refusals = Table(
    "signup_refusals",  # requests over budget, counted and not kept
    metadata,
    Column("hour", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("hour", "reason"),
)

notices = Table(
    "notices",  # mails to one person about their own subscription: a queue that overtakes issues
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subscription", Integer, nullable=False),
    Column("newsletter", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("address_hash", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("deferrals", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    Column("expires_at", UtcDateTime),  # of the link in it, which works once
    Column("used_at", UtcDateTime),
    Column("reply", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index(None, "status", "next_attempt_at"),
    Index(None, "address_hash", "created_at"),
    Index(None, "subscription"),
    sqlite_autoincrement=True,  # a number is never given twice: a link names it
)

imports = Table(
    "imports",  # how far a file is in, until it is whole
    metadata,
    Column("key", Text, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

api_tokens = Table(
    "api_tokens",  # who may use the programming interface, and for what
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),  # names with blanks between
    Column("created_at", UtcDateTime, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_key", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

delivery_batches = Table(
    "delivery_batches",  # what is leased: a claimed delivery itself stays pending
    metadata,
    Column("id", Integer, primary_key=True),
    Column("issue", ForeignKey("issues.id", ondelete="CASCADE"), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("lease_owner", Text, nullable=False),
    Column("lease_epoch", Integer, nullable=False),  # fences off whoever comes back too late
    Column("lease_until", UtcDateTime),
    Index(None, "issue", "is_open"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("issue", ForeignKey("issues.id", ondelete="CASCADE"), nullable=False),
    # No foreign keys to people: the record of what was sent outlives a removed subscriber.
    Column("subscriber", Integer, nullable=False),
    Column("subscription", Integer, nullable=False),
    Column("batch", Integer),
    Column("address", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("deferrals", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    Column("relay", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("variant", Text, nullable=False, server_default="default"),
    UniqueConstraint("issue", "subscriber"),  # each subscriber once per issue
    Index(None, "subscription"),
    Index(None, "batch"),  # and none on what changes: an index costs each message a page
)

delivery_attempts = Table(
    "delivery_attempts",  # append only: every attempt but one accepted at first try
    metadata,
    Column("id", Integer, primary_key=True),
    Column("delivery", ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("relay", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "delivery"),
)

relays = Table(
    "relays",  # what we have learnt of each: it outlives the process
    metadata,
    Column("name", Text, primary_key=True),
    Column("problem", Text, nullable=False),
    Column("is_paused", Boolean, nullable=False),  # until an operator has looked
    Column("resting_until", UtcDateTime),
    Column("setbacks", Integer, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("per_connection", Integer),
    Column("pipelining", Text),
)

relay_usage = Table(
    "relay_usage",  # final dots by hour, for quotas and warming up: a restart grants nothing anew
    metadata,
    Column("relay", Text, nullable=False),
    Column("sender_domain", Text, nullable=False),
    Column("hour", UtcDateTime, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("refused", Integer, nullable=False, server_default="0"),  # for good, about a recipient
    PrimaryKeyConstraint("relay", "sender_domain", "hour"),
)

instance = Table(
    "instance",  # one row: which copy of this database we are; the file `instance` says the same
    metadata,
    Column("id", Integer, primary_key=True),
    Column("instance_id", Text, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("machine", Text, nullable=False),
    Column("beat_at", UtcDateTime),
    Column("fenced_at", UtcDateTime),
    Column("fence", Text, nullable=False),
)

sent_before = Table(
    "sent_before",  # told by sent.log after a restore: these people have the issue already
    metadata,
    Column("newsletter", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("address_hash", Text, nullable=False),
    PrimaryKeyConstraint("newsletter", "period", "address_hash"),
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job", Text, nullable=False),
    Column("slot", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("problem", Text, nullable=False),
    UniqueConstraint("job", "slot"),  # each slot once, however many are awake
)

checkups = Table(
    "checkups",  # what the doctor found; `problems` is JSON, its newest row is shown
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("warnings", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("problems", Text, nullable=False),
    Index(None, "at"),
)

admins = Table(
    "admins",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("password", Text, nullable=False),  # an Argon2id hash
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("totp_secret", Text, nullable=False, server_default=""),  # base 32; empty for none
    Column("totp_step", Integer, nullable=True),  # of the newest code taken; none: not confirmed
)

sessions = Table(
    "sessions",
    metadata,
    Column("key", Text, primary_key=True),  # a hash: who reads the database cannot log in with it
    Column("admin", ForeignKey("admins.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Index(None, "admin"),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "at"),
)

audit = Table(
    "audit",  # append only: what an operator did
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
