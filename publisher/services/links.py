"""The links that we write into mails. Each opens one thing; see `domain.tokens`."""

from datetime import timedelta

from publisher.domain.subscribers import Subscription
from publisher.domain.tokens import Confirmation, Purpose, make_confirmation, make_token
from publisher.services.app import App


def unsubscribe(app: App, subscription: int) -> str:
    """Where a subscription ends; also the target of one-click (RFC 8058)."""
    return app.site.link(f"u/{make_token(app.site_key, Purpose.UNSUBSCRIBE, subscription)}")


def preferences(app: App, subscription: int) -> str:
    """Where a subscriber looks after what they receive."""
    return app.site.link(f"p/{make_token(app.site_key, Purpose.PREFERENCES, subscription)}")


def confirmation(app: App, asked: Subscription) -> str:
    """Where the newest request for a subscription is confirmed, counted from when it was made."""
    claim = Confirmation(
        subscription=asked.id,
        request=asked.request,
        expires_at=asked.changed_at + timedelta(days=app.subscribers.confirm_days),
    )
    return app.site.link(f"c/{make_confirmation(app.site_key, claim)}")


def single_use(app: App, purpose: Purpose, notice: int) -> str:
    """A link that works once and for a short time; the notice says whether it still does."""
    return app.site.link(f"links/{purpose.value}/{make_token(app.site_key, purpose, notice)}")
