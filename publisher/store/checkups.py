"""What the doctor found, day by day: how many of what, and the problems in full."""

import json
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, insert, select

from publisher.domain.checkups import Checkup, Diagnosis, Grade
from publisher.store.engine import Tx
from publisher.store.tables import checkups


def put(tx: Tx, checkup: Checkup) -> None:
    """Keeps one."""
    problems = [asdict(each) for each in checkup.problems]
    counts = checkup.counts
    tx.execute(
        insert(checkups).values(
            at=checkup.at,
            warnings=counts[Grade.WARN],
            failures=counts[Grade.FAIL],
            problems=json.dumps(problems, ensure_ascii=False),
        )
    )


def last(tx: Tx) -> Checkup | None:
    """The newest, with its problems alone."""
    newest = select(checkups).order_by(checkups.c.at.desc(), checkups.c.id.desc()).limit(1)
    row = tx.execute(newest).one_or_none()
    if row is None:
        return None
    problems = (
        Diagnosis(**{**each, "grade": Grade(each["grade"])}) for each in json.loads(row.problems)
    )
    return Checkup(at=row.at, diagnoses=tuple(problems))


def sweep(tx: Tx, before: datetime) -> None:
    """Forgets those from before an instant."""
    tx.execute(delete(checkups).where(checkups.c.at < before))
