"""What the operator decides about an issue: let it go, make it wait, stop it, end it.

Each verb moves the row only from where it may be moved; see `domain.controls`.
"""

from publisher.domain.controls import MOVES, Verb
from publisher.domain.issues import Cause, Issue, IssueStatus
from publisher.domain.memos import Matter
from publisher.errors import Conflict, NotFound
from publisher.services.app import App
from publisher.services.issues import get
from publisher.store import audit, memos
from publisher.store import deliveries as delivery_rows
from publisher.store import issues as rows

COMMAND = "command"
"""Who decides at the command line, in the audit."""


def decide(app: App, verb: Verb, issue: int, *, who: str = COMMAND) -> Issue:
    """Does as the operator says, and writes down who said it. Raises `NotFound`, `Conflict`."""
    move = MOVES[verb]
    is_stop = move.after not in (IssueStatus.PLANNED, IssueStatus.SENDING)
    with app.store.begin() as tx:
        found = rows.get(tx, issue)
        if found is None:
            raise NotFound("issue", str(issue))
        moved = rows.move(
            tx,
            issue,
            before=move.before,
            after=move.after,
            cause=Cause.OPERATOR if is_stop else Cause.NONE,
            reason=f"{move.after} by the operator" if is_stop else "",
        )
        if not moved:
            wanted = " or ".join(move.before)
            raise Conflict("issue", str(issue), f"is {found.status}, not {wanted}")
        match move.after:
            case IssueStatus.SENDING:  # it may stop once more, and that is news again
                memos.forget(tx, issue, Matter.PAUSED)
            case IssueStatus.SKIPPED:  # some of its rows may have been written already
                rows.release_posts(tx, issue)
                delivery_rows.drop(tx, issue, "cancelled", now=app.clock())
            case IssueStatus.CANCELLED:
                delivery_rows.drop(tx, issue, "cancelled", now=app.clock())
            case _:
                pass
        audit.add(tx, f"issues {verb}", who=who, detail=str(issue), now=app.clock())
    return get(app, issue)
