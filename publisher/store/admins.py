"""Operators, their sessions, and failed logins."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, delete, func, insert, or_, select, update

from publisher.domain.admins import Admin
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import admins, login_failures, sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session by the hash of its cookie."""

    key: str
    admin: Admin
    created_at: datetime
    used_at: datetime


def add(tx: Tx, name: str, password: str, *, now: datetime) -> bool:
    """Adds an operator; False if the name is taken."""
    done = tx.execute(
        insert_ignoring(tx, admins).values(
            name=name, password=password, created_at=now, changed_at=now
        )
    )
    return done.rowcount == 1


def find(tx: Tx, name: str) -> Admin | None:
    """The operator of that name."""
    row = tx.execute(select(admins).where(admins.c.name == name)).one_or_none()
    return _admin(row) if row else None


def listing(tx: Tx) -> list[Admin]:
    """All operators by name."""
    return [_admin(row) for row in tx.execute(select(admins).order_by(admins.c.name))]


def change_password(tx: Tx, admin: int, password: str, *, now: datetime) -> None:
    """Another password; every session of the operator ends."""
    tx.execute(update(admins).where(admins.c.id == admin).values(password=password, changed_at=now))
    close_sessions(tx, admin)


def set_totp_secret(tx: Tx, admin: int, secret: str) -> None:
    """Another secret, not confirmed yet; empty for none."""
    wanted = update(admins).where(admins.c.id == admin)
    tx.execute(wanted.values(totp_secret=secret, totp_step=None))


def take_totp_step(tx: Tx, admin: Admin, step: int) -> bool:
    """Notes that a code of this step was taken.

    False if one of it or of a later one was before, and if the secret is another by now.
    """
    is_theirs = and_(admins.c.id == admin.id, admins.c.totp_secret == admin.totp_secret)
    is_newer = or_(admins.c.totp_step.is_(None), admins.c.totp_step < step)
    done = tx.execute(update(admins).where(is_theirs, is_newer).values(totp_step=step))
    return done.rowcount == 1


def remove(tx: Tx, admin: int) -> None:
    """Takes an operator away, with every session."""
    tx.execute(delete(admins).where(admins.c.id == admin))


def open_session(tx: Tx, key: str, admin: int, *, now: datetime) -> None:
    """Begins a session."""
    tx.execute(insert(sessions).values(key=key, admin=admin, created_at=now, used_at=now))


def session(tx: Tx, key: str) -> Session | None:
    """The session of that key."""
    row = tx.execute(_with_admin().where(sessions.c.key == key)).one_or_none()
    return _session(row) if row else None


def sessions_of(tx: Tx, admin: int | None = None) -> list[Session]:
    """The sessions of an operator, or of all, newest first."""
    wanted = _with_admin().order_by(sessions.c.created_at.desc())
    if admin is not None:
        wanted = wanted.where(sessions.c.admin == admin)
    return [_session(row) for row in tx.execute(wanted)]


def touch(tx: Tx, key: str, *, now: datetime) -> None:
    """The session is in use."""
    tx.execute(update(sessions).where(sessions.c.key == key).values(used_at=now))


def close_session(tx: Tx, key: str) -> None:
    """Ends a session."""
    tx.execute(delete(sessions).where(sessions.c.key == key))


def close_sessions(tx: Tx, admin: int) -> None:
    """Ends every session of an operator."""
    tx.execute(delete(sessions).where(sessions.c.admin == admin))


def fail(tx: Tx, name: str, client: str, *, now: datetime) -> None:
    """Notes a failed login."""
    tx.execute(insert(login_failures).values(name=name, client=client, at=now))


def failures(tx: Tx, name: str, client: str, *, since: datetime) -> tuple[int, int]:
    """How often logging in to the account failed since then: from there, and from anywhere."""
    counts = select(func.count().filter(login_failures.c.client == client), func.count()).where(
        login_failures.c.at >= since, login_failures.c.name == name
    )
    from_there, from_anywhere = tx.execute(counts).one()
    return from_there, from_anywhere


def sweep(tx: Tx, before: datetime) -> None:
    """Forgets sessions and failures from before an instant."""
    tx.execute(delete(sessions).where(sessions.c.created_at < before))
    tx.execute(delete(login_failures).where(login_failures.c.at < before))


def _with_admin() -> Select[Any]:
    begun = sessions.c.created_at.label("begun")
    return select(sessions.c.key, begun, sessions.c.used_at, admins).join_from(sessions, admins)


def _session(row: Row[Any]) -> Session:
    return Session(key=row.key, admin=_admin(row), created_at=row.begun, used_at=row.used_at)


def _admin(row: Row[Any]) -> Admin:
    return Admin(
        id=row.id,
        name=row.name,
        password=row.password,
        created_at=row.created_at,
        changed_at=row.changed_at,
        totp_secret=row.totp_secret,
        totp_step=row.totp_step,
    )
