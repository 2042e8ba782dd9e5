"""What tests of sign-ups and subscribers do again and again, on a real app."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from publisher.domain.signups import Request, Verdict
from publisher.domain.subscribers import Subscription, SubscriptionStatus
from publisher.services import signups, subscribers
from publisher.services.app import App
from publisher.store import signups as signup_rows

CONSENT = "Please send it."


def ask(app: App, email: str, *, ip: str = "192.0.2.1", **changes: Any) -> None:
    """A request at the form."""
    values: dict[str, Any] = {
        "newsletter": "weekly",
        "language": "en",
        "source": app.site.link("/subscribe"),
        "text": "",
    }
    asked = Request(address=email, ip=ip, **(values | changes))
    signups.request(app, asked, consent=CONSENT)


def mails(app: App) -> list[EmailMessage]:
    """What lies in the built-in inbox, oldest first."""
    new = app.folders.inbox / "new"
    paths = sorted(new.glob("*"), key=lambda path: path.stat().st_mtime_ns) if new.exists() else []
    found = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
    return [message for message in found if isinstance(message, EmailMessage)]


def mails_to(app: App, email: str) -> list[EmailMessage]:
    return [mail for mail in mails(app) if mail["To"] == email]


def words_of(mail: EmailMessage) -> str:
    """The text part."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_in(mail: EmailMessage, kind: str) -> str:
    """The token of the first link of a kind (`c`, `p`, `u`, `links/erase`)."""
    found = re.search(rf"/{kind}/([A-Za-z0-9_-]+)", words_of(mail))
    assert found is not None, words_of(mail)
    return found[1]


def join(app: App, email: str) -> Subscription:
    """Somebody signs up and confirms."""
    ask(app, email)
    signups.work_off(app)
    token = link_in(mails_to(app, email)[-1], "c")
    return subscribers.confirm(app, token, ip="192.0.2.1")


def status_of(app: App, email: str) -> SubscriptionStatus | None:
    found = [row for row in subscribers.listing(app) if row.address == email]
    return found[0].status if found else None


def verdicts(app: App) -> dict[Verdict, int]:
    with app.store.read() as tx:
        return signup_rows.verdicts(tx, since=app.clock() - timedelta(days=1000))
