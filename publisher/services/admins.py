"""Operators who may log in to the operator page.

There is no default account: the first one is made by `publisher admin add`. A session is 256 random
bits in a cookie; the database holds its hash only.
"""

import hashlib
import hmac
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from publisher.domain.admins import (
    FAILURE_SPAN,
    FAILURES,
    FAILURES_ANYWHERE,
    Admin,
    is_over,
    objection,
)
from publisher.domain.macs import mac
from publisher.domain.tokens import derive_key
from publisher.errors import Conflict, InvalidToken, LoginRefused, NotFound, TooOften
from publisher.services import second_factors
from publisher.services.app import App
from publisher.store import admins as rows
from publisher.store import audit

_HASHER = PasswordHasher()  # Argon2id with the defaults of RFC 9106
NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$UndlUHb6imM7MR0Y28HNBQ"
    "$jhomk38HZ3iMRKe0Ci+nsKi/A2F7PFBYaEmUFoUvM2c"
)
"""Checked for an unknown name, so that it takes as long as for a known one."""

INVITATION_LIFE = timedelta(hours=1)
MARK_LENGTH = 8
NAME_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An operator at work: the cookie's value, and the token that each of their forms carries."""

    admin: Admin
    cookie: str
    form_token: str


def add(app: App, name: str, password: str, *, who: str = "command") -> None:
    """Makes an operator. Raises `Conflict` for a name that is none or taken, a weak password."""
    if not name.strip() or not name.isprintable() or len(name) > NAME_LENGTH:
        raise Conflict("operator", name[:NAME_LENGTH], "a name is one line of text")
    _refuse_weak(app, name, password)
    now = app.clock()
    with app.store.begin() as tx:
        if not rows.add(tx, name, _HASHER.hash(password), now=now):
            raise Conflict(
                "operator", name, "is there already; `publisher admin passwd` changes it"
            )
        audit.add(tx, "admin add", who=who, detail=name, now=now)


def change_password(app: App, name: str, password: str, *, who: str) -> None:
    """Another password; every session of the operator ends. Raises `NotFound`, `Conflict`."""
    _refuse_weak(app, name, password)
    now = app.clock()
    admin = get(app, name)
    with app.store.begin() as tx:
        rows.change_password(tx, admin.id, _HASHER.hash(password), now=now)
        audit.add(tx, "admin passwd", who=who, detail=name, now=now)


def remove(app: App, name: str) -> None:
    """Takes an operator away; their sessions end. Raises `NotFound`."""
    admin = get(app, name)
    with app.store.begin() as tx:
        rows.remove(tx, admin.id)
        audit.add(tx, "admin remove", who="command", detail=name, now=app.clock())


def get(app: App, name: str) -> Admin:
    """The operator of that name. Raises `NotFound`."""
    with app.store.read() as tx:
        found = rows.find(tx, name)
    if found is None:
        raise NotFound("operator", name)
    return found


def listing(app: App) -> list[tuple[Admin, int]]:
    """All operators, each with how many sessions are open."""
    counts = Counter(session.admin.id for session in sessions(app))
    with app.store.read() as tx:
        return [(admin, counts[admin.id]) for admin in rows.listing(tx)]


def sessions(app: App) -> list[rows.Session]:
    """The sessions that are open, newest first."""
    now = app.clock()
    with app.store.read() as tx:
        found = rows.sessions_of(tx)
    return [one for one in found if not is_over(one.created_at, one.used_at, now=now)]


def end_session(app: App, mark: str, *, who: str = "command") -> rows.Session:
    """Ends the open session whose mark (the beginning of its key) this is. Raises `NotFound`."""
    found = [one for one in sessions(app) if one.key.startswith(mark)]
    if len(mark) < MARK_LENGTH or len(found) != 1:
        known = tuple(one.key[:MARK_LENGTH] for one in sessions(app))
        raise NotFound("session", mark, known)
    with app.store.begin() as tx:
        rows.close_session(tx, found[0].key)
        audit.add(tx, "admin sessions end", who=who, detail=found[0].admin.name, now=app.clock())
    return found[0]


def invitation(app: App) -> str:
    """The link at which the first operator is made; empty where there is one already.

    It works for an hour, and no longer than until somebody has used it.
    """
    with app.store.read() as tx:
        if rows.listing(tx):
            return ""
    expires = int((app.clock() + INVITATION_LIFE).timestamp())
    return app.site.link(f"admin/first/{expires:x}.{_signature(app, expires)}")


def check_invitation(app: App, token: str) -> None:
    """Raises `InvalidToken` unless it is one of `invitation` and nobody has used it."""
    said, _, signature = token.partition(".")
    try:
        expires = int(said, 16)
        expected = _signature(app, expires)
    except ValueError:  # no number, or one of more digits than Python writes
        raise InvalidToken from None
    right = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
    with app.store.read() as tx:
        is_first = not rows.listing(tx)
    if not (right and is_first and app.clock().timestamp() <= expires):
        raise InvalidToken


def add_first(app: App, token: str, name: str, password: str) -> None:
    """Makes the first operator. Raises `InvalidToken`, and `Conflict` for what will not do."""
    check_invitation(app, token)
    add(app, name, password, who="invitation")


def log_in_by_proxy(app: App, name: str) -> Login | None:
    """The operator whom the reverse proxy has let in; None for a stranger."""
    with app.store.read() as tx:
        found = rows.find(tx, name)
    return _login(app, found, f"proxy:{found.name}") if found else None


def log_in(app: App, name: str, password: str, *, client: str, code: str = "") -> Login:
    """Begins a session. Raises `LoginRefused`, the same for every reason, and `TooOften`."""
    now = app.clock()
    with app.store.read() as tx:
        found = rows.find(tx, name)
        failed = rows.failures(tx, name, client, since=now - FAILURE_SPAN)
    if failed[0] >= FAILURES or failed[1] >= FAILURES_ANYWHERE:
        raise TooOften(FAILURE_SPAN)
    is_right = _verify(found.password if found else NOBODY, password)
    cookie = secrets.token_urlsafe(32)
    with app.store.begin() as tx:
        # Whoever was turned out while the password was checked does not come in after all.
        is_right = is_right and found == rows.find(tx, name)
        if found and is_right and second_factors.is_met(tx, found, code, now=now):
            rows.open_session(tx, _key(cookie), found.id, now=now)
            audit.add(tx, "login", who=found.name, detail="", now=now)
            return _login(app, found, cookie)
        rows.fail(tx, name[:200], client, now=now)
    raise LoginRefused


def find_session(app: App, cookie: str) -> Login | None:
    """The operator whose session this is; None if there is none, or it has ended."""
    now, key = app.clock(), _key(cookie)
    with app.store.read() as tx:
        found = rows.session(tx, key)
    if found is None or is_over(found.created_at, found.used_at, now=now):
        return None
    if (now - found.used_at).total_seconds() > 60:
        with app.store.begin() as tx:
            rows.touch(tx, key, now=now)
    return _login(app, found.admin, cookie)


def log_out(app: App, cookie: str) -> None:
    """Ends a session."""
    with app.store.begin() as tx:
        rows.close_session(tx, _key(cookie))


def is_own_form(login: Login, token: str) -> bool:
    """Whether a form was made for this session."""
    return hmac.compare_digest(login.form_token.encode(), token.encode("utf-8", "replace"))


def deeds(app: App, count: int = 20) -> list[audit.Entry]:
    """What operators did last, newest first."""
    with app.store.read() as tx:
        return audit.newest(tx, count)


def _refuse_weak(app: App, name: str, password: str) -> None:
    if reason := objection(password, name=name, site=app.site.title):
        raise Conflict("password of", name, reason)


def _verify(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _login(app: App, admin: Admin, cookie: str) -> Login:
    key = derive_key(app.site_key, "admin-form")
    token = mac(key, cookie.encode("utf-8", "replace")).hex()
    return Login(admin=admin, cookie=cookie, form_token=token)


def _signature(app: App, expires: int) -> str:
    key = derive_key(app.site_key, "first-admin")
    return mac(key, str(expires).encode())[:16].hex()


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
