"""The second factor of operators: a code that their authenticator shows (TOTP, RFC 6238).

A secret is proposed first. Only the first code, which proves that an authenticator knows it, makes
logging in ask for codes.
"""

from dataclasses import dataclass
from datetime import datetime

from pyotp import TOTP, random_base32
from pyotp.exceptions import OTPVerificationError

from publisher.domain.admins import Admin
from publisher.errors import Conflict
from publisher.services.app import App
from publisher.store import admins as rows
from publisher.store import audit
from publisher.store.engine import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an authenticator must be told: `uri` as a QR code or a link, or the bare `secret`."""

    uri: str
    secret: str


def propose(app: App, admin: Admin) -> Proposal:
    """A fresh secret, in place of one that was never confirmed. Raises `Conflict`."""
    _refuse_second(admin)
    secret = random_base32()
    with app.store.begin() as tx:
        rows.set_totp_secret(tx, admin.id, secret)
    uri = TOTP(secret).provisioning_uri(name=admin.name, issuer_name=app.site.title)
    return Proposal(uri=uri, secret=secret)


def confirm(app: App, admin: Admin, code: str) -> None:
    """From now on a code is asked for; every session of the operator ends. Raises `Conflict`."""
    _refuse_second(admin)
    if not admin.totp_secret:
        raise Conflict("operator", admin.name, "has no secret to confirm; leave out --code first")
    now = app.clock()
    with app.store.begin() as tx:
        if not _take(tx, admin, code, now=now):
            raise Conflict(
                "code of",
                admin.name,
                "not right; try the next one with --code, and look at this machine's clock",
            )
        rows.close_sessions(tx, admin.id)
        audit.add(tx, "admin totp", who="command", detail=admin.name, now=now)


def turn_off(app: App, admin: Admin) -> None:
    """No code is asked for any more; every session of the operator ends. Raises `Conflict`."""
    if not admin.totp_secret:
        raise Conflict("operator", admin.name, "has no second factor")
    with app.store.begin() as tx:
        rows.set_totp_secret(tx, admin.id, "")
        rows.close_sessions(tx, admin.id)
        audit.add(tx, "admin totp off", who="command", detail=admin.name, now=app.clock())


def is_met(tx: Tx, admin: Admin, code: str, *, now: datetime) -> bool:
    """Whether this code lets the operator in, and then never again; any does if none is asked."""
    return not admin.has_second_factor or _take(tx, admin, code, now=now)


def _take(tx: Tx, admin: Admin, code: str, *, now: datetime) -> bool:
    """Takes the code of the present time step or of one beside it, as RFC 6238, 5.2 advises."""
    try:
        step = TOTP(admin.totp_secret).verify_and_get_timecode(
            "".join(code.split()),  # authenticators show a gap in the middle
            for_time=now,
            valid_window=1,
        )
    except (OTPVerificationError, UnicodeError):  # half a character is no code either
        return False
    return rows.take_totp_step(tx, admin, step)


def _refuse_second(admin: Admin) -> None:
    if admin.has_second_factor:
        raise Conflict("operator", admin.name, "has a second factor; --off takes it away")
