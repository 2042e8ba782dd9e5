"""The links that we write into mails. Each opens one thing; see `domain.tokens`."""

from datetime import timedelta

from publisher.domain.issues import archive_path
from publisher.domain.notices import LINK_PURPOSES, Notice, NoticeKind
from publisher.domain.subscribers import Subscription
from publisher.domain.tokens import Confirmation, Purpose, make_confirmation, make_token
from publisher.errors import NotFound
from publisher.services.app import App
from publisher.store import subscribers as rows


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


def of_notice(app: App, notice: Notice) -> dict[str, str]:
    """Every link that a notice shows, by the name that its templates know.

    Raises `NotFound` where the request that it should confirm is gone.
    """
    kind, about = notice.kind, notice.subscription
    ways_out = {"preferences": preferences(app, about), "unsubscribe": unsubscribe(app, about)}
    match kind:
        case NoticeKind.CONFIRM:
            with app.store.read() as tx:
                asked = rows.get(tx, about)
            if asked is None:
                raise NotFound("subscription", str(about))
            return {"confirm": confirmation(app, asked)}
        case NoticeKind.WELCOME:
            is_archived = app.newsletter(notice.newsletter).is_archived
            archive = app.site.link(archive_path(notice.newsletter)) if is_archived else ""
            return ways_out | {"archive": archive}
        case NoticeKind.GOODBYE:
            return {"subscribe": app.site.link(f"subscribe?newsletter={notice.newsletter}")}
        case NoticeKind.MANAGE:
            return ways_out | {"act": ways_out["preferences"]}
        case NoticeKind.STAY:
            return ways_out | {"act": single_use(app, Purpose.STAY, notice.id)}
        case _:
            return {"act": single_use(app, LINK_PURPOSES[kind], notice.id)}
