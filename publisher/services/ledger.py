"""What a transaction of the books changes: outcomes first, then intents, each under its lease.

    group ──▶ issues stopped ──▶ outcomes ──▶ intents, within leases and quotas ──▶ Done

Values in, rows changed, what came of it out; when that happens is the affair of `books`.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from publisher.domain.addresses import parse_address
from publisher.domain.breakers import Breaker
from publisher.domain.deliveries import DeliveryStatus, OnUnknown, settle
from publisher.domain.issues import IssueStatus
from publisher.domain.replies import (
    Accepted,
    Blame,
    Deferred,
    NotSent,
    Rejected,
    Unconfirmed,
)
from publisher.domain.suppressions import SuppressionReason
from publisher.mail.jobs import Job
from publisher.services.book_entries import Claimed, Done, Fate, Group, Intent, Outcome
from publisher.services.quotas import Quotas
from publisher.store import batches, issues, suppressions
from publisher.store import deliveries as rows
from publisher.store import outcomes as outcome_rows
from publisher.store import relays as relay_rows
from publisher.store.engine import Tx
from publisher.store.outcomes import Record, Sent

log = logging.getLogger(__name__)


class Ledger:
    """The jobs of a run with their rows, the issues that were stopped, relays in trouble."""

    def __init__(self) -> None:
        self.claimed: dict[Job, Claimed] = {}
        self.troubled: set[str] = set()  # relays whose first success is to be noted
        self.stopped: set[int] = set()  # issues
        self._alarms: dict[int, str] = {}  # issues that must not go on, and why; not written yet
        self._breakers: defaultdict[int, Breaker] = defaultdict(Breaker)

    def heed(self, outcome: Outcome) -> None:
        """Stops an issue that must not go on."""
        issue = outcome.job.issue
        if reason := self._breakers[issue].heed(outcome.verdict):
            self._alarms[issue] = reason
            self.stopped.add(issue)
            log.error("issue.paused", extra={"issue": issue, "reason": reason})

    def enter(self, tx: Tx, group: Group, *, now: datetime) -> Done:
        """Changes the rows. Until `close`, the same group may be entered again."""
        done = Done(at=now)
        for issue, reason in self._alarms.items():
            issues.move(
                tx, issue, before=[IssueStatus.SENDING], after=IssueStatus.PAUSED, reason=reason
            )
            done.lost |= {
                one.lease.batch for one in list(self.claimed.values()) if one.lease.issue == issue
            }
        for task in group.tasks:
            done.tasks.append((task, task.work(tx)))
        self._enter_outcomes(tx, group.outcomes, done, now=now)
        self._enter_intents(tx, list(group.intents.values()), done, now=now)
        relay_rows.count(tx, done.used, done.refused, now=now)
        return done

    def _enter_outcomes(
        self, tx: Tx, outcomes: Sequence[Outcome], done: Done, *, now: datetime
    ) -> None:
        sent, waiting = [], []
        doubtful = {o.job.issue for o in outcomes if not isinstance(o.verdict.outcome, Accepted)}
        cancelled = issues.cancelled(tx, doubtful) if doubtful else set()
        for each in outcomes:
            claimed = self.claimed.get(each.job)
            if claimed is None:  # it was withdrawn; the line broke before it could be told
                continue
            outcome = each.verdict.outcome
            if isinstance(outcome, Accepted) and claimed.is_intended:
                label, said = each.relay.label, outcome.reply
                sent.append(Sent(each.job.delivery, claimed.attempt, label, said))
                done.finished.append((each.job, claimed, Fate.SETTLED))
                done.counts[each.job.issue, DeliveryStatus.SENT] += 1
                if label in self.troubled - done.healed:
                    relay_rows.heal(tx, label)
                    done.healed.add(label)
            elif self._enter_trouble(tx, each, claimed, done, now=now):
                waiting.append(each.job)
        if sent:
            outcome_rows.record_sent(tx, sent, now=now)
        if late := [job.delivery for job in waiting if job.issue in cancelled]:
            rows.drop_some(tx, late, "cancelled", now=now)  # their dots were out at the time

    def _enter_trouble(
        self, tx: Tx, each: Outcome, claimed: Claimed, done: Done, *, now: datetime
    ) -> bool:
        """Records what was not plainly accepted. Returns whether the row waits again."""
        record = self._record(tx, each, claimed, now=now)
        fate, status = Fate.SETTLED, record.settlement.status
        match each.verdict.outcome:
            case NotSent():
                if claimed.is_intended:
                    outcome_rows.put_back(tx, record, now=now)
                    done.used[each.relay.label, claimed.sender_domain] -= 1  # it cost no quota
                fate = Fate.RETURNED
            case Unconfirmed():
                resend = claimed.on_unknown is OnUnknown.RESEND and not outcome_rows.was_unknown(
                    tx, each.job.delivery
                )
                outcome_rows.record(tx, record, now=now)
                if resend:
                    outcome_rows.resend_unknown(tx, [each.job.delivery], now=now)
                    fate = Fate.RETURNED
            case _:
                outcome_rows.record(tx, record, now=now)
        if each.verdict.blame is Blame.HARD:
            address = parse_address(claimed.claim.address)
            suppressions.add(tx, address, SuppressionReason.HARD_BOUNCE, now=now)
        if isinstance(each.verdict.outcome, Rejected):
            done.refused[each.relay.label, claimed.sender_domain] += 1
        if fate is Fate.SETTLED and status is not DeliveryStatus.PENDING:
            done.counts[each.job.issue, status] += 1
        done.finished.append((each.job, claimed, fate))
        return fate is Fate.RETURNED or status is DeliveryStatus.PENDING

    def _record(self, tx: Tx, each: Outcome, claimed: Claimed, *, now: datetime) -> Record:
        first_at = now
        if isinstance(each.verdict.outcome, Deferred) and claimed.claim.deferrals:
            deferrals = claimed.claim.deferrals
            first_at = outcome_rows.first_deferral(tx, each.job.delivery, deferrals) or now
        settlement = settle(
            each.verdict.outcome,
            delivery=each.job.delivery,
            deferrals=claimed.claim.deferrals,
            first_at=first_at,
            now=now,
        )
        return Record(
            delivery=each.job.delivery,
            attempt=claimed.attempt,
            intended=claimed.is_intended,
            relay=each.relay.label,
            settlement=settlement,
        )

    def _enter_intents(
        self, tx: Tx, intents: Sequence[Intent], done: Done, *, now: datetime
    ) -> None:
        if not intents:
            return
        intents, refused = self._within_quota(tx, intents, done, now=now)
        claimed = {each.job.delivery: self.claimed[each.job] for each in intents}
        epochs = {one.lease.batch: one.lease.epoch for one in claimed.values()}
        held = batches.held(tx, epochs, now=now)
        may = [number for number, one in claimed.items() if one.lease.batch in held]
        going = rows.intend(tx, may, now=now) if may else set()
        for each in intents:
            one = claimed[each.job.delivery]
            if each.job.delivery in going:
                done.used[each.relay.label, one.sender_domain] += 1
                done.going.append(one)
            else:
                done.finished.append((each.job, one, Fate.WITHDRAWN))
            done.granted.append((each.granted, each.job, each.job.delivery in going))
        for each in refused:
            done.finished.append((each.job, self.claimed[each.job], Fate.WITHDRAWN))
            done.granted.append((each.granted, each.job, False))
        done.lost |= epochs.keys() - held

    def _within_quota(
        self, tx: Tx, intents: Sequence[Intent], done: Done, *, now: datetime
    ) -> tuple[list[Intent], list[Intent]]:
        """Those that the quotas of their relays still allow, and the others.

        Where a sender's domain has had its step of a relay's warm-up, only its batches go back.
        """
        allowed, refused = [], []
        quotas = Quotas(tx, now=now)
        for each in intents:
            if not each.relay.is_limited:  # most are not, and this runs for every message
                allowed.append(each)
                continue
            one = self.claimed[each.job]
            if full := quotas.full(each.relay):
                refused.append(each)
                done.full.append((each.relay, full.until))
            elif not quotas.is_warm_enough(each.relay, one.sender_domain):
                refused.append(each)
                done.lost.add(one.lease.batch)
            else:
                quotas.take(each.relay, one.sender_domain)
                allowed.append(each)
        return allowed, refused

    def close(self, done: Done) -> None:
        """It is committed: intents stand, and what has come to its end is forgotten."""
        self._alarms.clear()
        self.troubled -= done.healed
        for claimed in done.going:
            claimed.attempt += 1
            claimed.is_intended = True
        for job, claimed, _ in done.finished:
            claimed.is_intended = False
            self.claimed.pop(job, None)
