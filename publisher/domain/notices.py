"""Notices: mails to one person about their own subscription.

They are rows in a queue of their own and overtake every issue. Nothing that a visitor typed is in
them but the address that they go to. They settle by the rules of deliveries.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.tokens import Purpose


class NoticeKind(StrEnum):
    """What a notice is for; also the name of its template."""

    CONFIRM = "confirm"  # please confirm that you asked for this
    MANAGE = "manage"  # somebody asked, and you are subscribed already
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    STAY = "stay"  # do you still want this?
    ADDRESS = "address"  # the link to the page for a new address
    MOVE = "move"  # to the new address: confirm it
    EXPORT = "export"  # the link to everything we keep about you
    ERASE = "erase"  # the link that erases it


ASKED_BY_STRANGERS = (NoticeKind.CONFIRM, NoticeKind.MANAGE, NoticeKind.MOVE)
"""Anybody can make us write these to any address: they share the address's budget."""

LINK_LIFE = timedelta(minutes=30)
STAY_LIFE = timedelta(days=30)

LINK_PURPOSES = {
    NoticeKind.ADDRESS: Purpose.ADDRESS,
    NoticeKind.MOVE: Purpose.MOVE,
    NoticeKind.EXPORT: Purpose.EXPORT,
    NoticeKind.ERASE: Purpose.ERASE,
    NoticeKind.STAY: Purpose.STAY,
}
"""Kinds whose link works once and for a short time, and what it may do."""

LINKS_A_DAY = 6
"""After so many notices in a day, a holder of the preferences link gets no more mails sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One row. `subscription` is what it is about; `expires_at` and `used_at` are of its link."""

    id: int
    kind: NoticeKind
    subscription: int
    newsletter: str
    address: str
    language: str
    status: DeliveryStatus
    reason: str
    attempts: int
    deferrals: int
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None

    def is_open(self, *, now: datetime) -> bool:
        """Whether its link still works."""
        return self.used_at is None and self.expires_at is not None and now <= self.expires_at


def link_end(kind: NoticeKind, now: datetime) -> datetime | None:
    """Until when the link in a notice works that is mailed now; None for kinds without one."""
    if kind not in LINK_PURPOSES:
        return None
    return now + (STAY_LIFE if kind is NoticeKind.STAY else LINK_LIFE)
