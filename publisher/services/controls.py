"""What the operator decides about an issue: let it go, make it wait, stop it, end it.

    held ◀──▶ planned ──▶ sending ◀──▶ paused
      └────▶ skipped         └──▶ cancelled

Each verb moves the row only from where it may be moved; the statuses are `domain.issues`'.
"""

from collections.abc import Sequence

from publisher.domain.issues import Cause, Issue, IssueStatus
from publisher.domain.memos import Matter
from publisher.errors import Conflict, NotFound
from publisher.services.app import App
from publisher.services.issues import get
from publisher.store import batches, memos
from publisher.store import deliveries as delivery_rows
from publisher.store import issues as rows


def approve(app: App, issue: int) -> Issue:
    """Lets a held issue go out as it is. Raises `NotFound`, `Conflict`."""
    return _move(app, issue, before=[IssueStatus.HELD], after=IssueStatus.PLANNED)


def hold(app: App, issue: int) -> Issue:
    """Makes a planned issue wait for a word. Raises `NotFound`, `Conflict`."""
    return _move(app, issue, before=[IssueStatus.PLANNED], after=IssueStatus.HELD)


def skip(app: App, issue: int) -> Issue:
    """Sends nothing for the issue's period; its posts may be in a later one.

    Raises `NotFound`, and `Conflict` once deliveries exist.
    """
    open_statuses = [IssueStatus.HELD, IssueStatus.PLANNED]
    return _move(app, issue, before=open_statuses, after=IssueStatus.SKIPPED)


def pause(app: App, issue: int) -> Issue:
    """Stops the sending of an issue; what is under way ends well. Raises `NotFound`, `Conflict`."""
    return _move(app, issue, before=[IssueStatus.SENDING], after=IssueStatus.PAUSED)


def resume(app: App, issue: int) -> Issue:
    """Lets a paused issue go on where it stopped. Raises `NotFound`, `Conflict`."""
    return _move(app, issue, before=[IssueStatus.PAUSED], after=IssueStatus.SENDING)


def cancel(app: App, issue: int) -> Issue:
    """Ends the sending of an issue for good: what was not sent is skipped.

    Raises `NotFound`, and `Conflict` before it is sent (`skip` does that) and after.
    """
    going = [IssueStatus.SENDING, IssueStatus.PAUSED]
    return _move(app, issue, before=going, after=IssueStatus.CANCELLED)


def _move(app: App, issue: int, *, before: Sequence[IssueStatus], after: IssueStatus) -> Issue:
    """Another status on the operator's word, with the posts released where nothing is sent."""
    is_stop = after not in (IssueStatus.PLANNED, IssueStatus.SENDING)
    with app.store.begin() as tx:
        found = rows.get(tx, issue)
        if found is None:
            raise NotFound("issue", str(issue))
        moved = rows.move(
            tx,
            issue,
            before=before,
            after=after,
            cause=Cause.OPERATOR if is_stop else Cause.NONE,
            reason=f"{after} by the operator" if is_stop else "",
        )
        if not moved:
            wanted = " or ".join(before)
            raise Conflict("issue", str(issue), f"is {found.status}, not {wanted}")
        if after is IssueStatus.SENDING:  # it may stop once more, and that is news again
            memos.forget(tx, issue, Matter.PAUSED)
        if after is IssueStatus.SKIPPED:
            rows.release_posts(tx, issue)
        if after is IssueStatus.CANCELLED:
            delivery_rows.drop(tx, issue, "cancelled", now=app.clock())
            batches.close_settled(tx, issue)
    return get(app, issue)
