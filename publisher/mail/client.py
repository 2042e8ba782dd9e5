"""One session with a relay, as a protocol on an event loop: jobs in, verdicts out.

    MAIL RCPT DATA ──▶ 354 ──▶ the body without its final dot ──▶ intend
    granted ──▶ the dot, and in the same write the envelope of the next job ──▶ settle

With full pipelining a message costs one round trip. What the line's end means depends on one
thing only: whether the final dot had been handed to the transport. Before: certainly not sent.
After: unconfirmed, whatever lay in a buffer. All answers that have arrived are read before the
end of a line is judged. Waits are those of RFC 5321, section 4.5.3.2.
"""

import asyncio
from collections import deque
from typing import Protocol, cast

from publisher.domain.replies import After, Stage, Verdict, classify, lost
from publisher.mail import envelopes
from publisher.mail.jobs import Job
from publisher.mail.relays import DOT_SECONDS, Pipelining, Relay
from publisher.mail.replies import Answer, LineLost
from publisher.mail.wire import Wire

BLOCK_SECONDS = 180.0
PROBING_SECONDS = 30.0
"""How long an untried relay may take to answer what was written ahead, before it is believed to
have thrown that away."""

_SECONDS = {
    Stage.MAIL: 300.0,
    Stage.RCPT: 300.0,
    Stage.DATA: 120.0,
    Stage.DOT: DOT_SECONDS,
    Stage.RSET: 300.0,
    Stage.QUIT: 5.0,
}
_NEVER = float("inf")
_ENVELOPE = (Stage.MAIL, Stage.RCPT, Stage.DATA)


class Owner(Protocol):
    """Who feeds a connection and hears from it. All calls come on the loop."""

    relay: Relay

    def next_job(self, connection: "Connection") -> Job | None:
        """Another job for this connection; None if there is none just now, or no more here."""

    def intend(self, connection: "Connection", job: Job) -> None:
        """The body is out; `Connection.granted` says whether the dot may follow."""

    def settle(self, connection: "Connection", job: Job, verdict: Verdict) -> None:
        """What became of a job."""

    def withdrawn(self, job: Job) -> None:
        """A job was taken back before its dot; nothing has become of it here."""

    def closed(self, connection: "Connection", problem: str) -> None:
        """The session is over; every job of it has been settled."""

    def may_write_ahead(self, level: Pipelining) -> bool:
        """Whether so much may be written without waiting, now."""

    def is_proven(self, level: Pipelining) -> bool:
        """Whether that has worked before: then a relay that is slow is slow, and nothing else."""

    def wrote_ahead(self, level: Pipelining, *, works: bool) -> None:
        """What a try of writing ahead has shown."""


class Connection(Wire):
    """One SMTP session. `open` first, then `start` whenever there may be jobs."""

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner.relay)
        self._owner = owner
        self._expected: deque[Stage] = deque()
        self._job: Job | None = None  # its envelope is out, perhaps its body; not its dot
        self._doubt: Job | None = None  # its dot is out, its answer has not come
        self._refusal: Answer | None = None  # the first one of the envelope in hand
        self._refused_at = Stage.MAIL
        self._ahead: Pipelining = Pipelining.OFF  # what the envelope in hand was tried with
        self._is_trial = False  # and whether that has never worked yet
        self._is_leaving = False  # takes no more jobs
        self._is_dropping = False  # gives back the one that has no dot yet
        self._deadline = _NEVER
        self._buffered = 0
        most = owner.relay.timeout_seconds
        self._limits = {stage: min(seconds, most) for stage, seconds in _SECONDS.items()}
        self._block_limit = min(BLOCK_SECONDS, most)
        self._time = asyncio.get_running_loop().time
        self.accepted = 0
        self.idle_since = self._time()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for nothing and has nothing to do."""
        return self.is_open and self._job is None and not self._expected

    # What the owner calls.

    def start(self) -> None:
        """Takes up jobs, if it has none in hand."""
        if self.is_idle and not self._is_leaving:
            self._offer()

    def granted(self, job: Job, granted: bool) -> None:
        """The answer to `intend`: the dot, or a hang-up.

        Without the grant the body must not end: RSET would be text here, and a dot would deliver.
        A job that is no longer ours was settled when its line broke.
        """
        if job is not self._job or self._problem:
            return
        if granted and self._has_unread():
            # It speaks before the message has ended: that must not pass for the dot's answer.
            asyncio.get_running_loop().call_soon(self.granted, job, granted)
            return
        self._job = None
        if not granted:
            self._owner.withdrawn(job)
            self._end("")  # our own doing: the relay is not to blame
            return
        self._doubt = job
        self._expected.append(Stage.DOT)
        if self._pipelines and self._owner.may_write_ahead(Pipelining.DOT):
            self._offer(b".\r\n", ahead=Pipelining.DOT)
        else:
            self._write(b".\r\n")

    def retire(self) -> None:
        """Takes no more jobs; says good-bye when the last one has its answer."""
        self._is_leaving = True

    def leave(self) -> None:
        """Ends the session as soon as nothing is in doubt; what has no dot yet goes back."""
        self._is_leaving = self._is_dropping = True
        if self._job is not None and self._doubt is None:
            self._end("we are asked to stop")
        elif self.is_idle:
            self._quit()

    def hang_up(self) -> None:
        """Ends the session in the middle of whatever it does."""
        self._is_leaving = True
        self._end("the sending was broken off")

    def check(self, now: float) -> None:
        """Hangs up if the relay has let its time pass; a body that still flows has more."""
        waiting = self._transport.get_write_buffer_size() if self._transport else 0
        if waiting and waiting != self._buffered:
            self._deadline = max(self._deadline, now + self._block_limit)
        self._buffered = waiting
        if now < self._deadline:
            return
        if self._awaits_grant and not waiting:
            self._deadline = _NEVER  # the body is out: we wait for our own books
            return
        if self._expected and self._expected[0] is Stage.QUIT:
            self._end("")
            return
        limit = self._seconds()
        if self._is_probing:
            self._owner.wrote_ahead(self._ahead, works=False)
        self._end(f"no answer within {limit:g} seconds")

    # The conversation.

    @property
    def _awaits_grant(self) -> bool:
        """Whether a body is out and nothing is missing but its dot."""
        return self._job is not None and not self._expected

    @property
    def _pipelines(self) -> bool:
        return "PIPELINING" in self.offers

    @property
    def _is_probing(self) -> bool:
        """Whether what we wait for was written ahead for the first time."""
        return self._is_trial and bool(self._expected) and self._expected[0] in _ENVELOPE

    def _offer(self, before: bytes = b"", *, ahead: Pipelining | None = None) -> None:
        """Writes the envelope of the next job, behind what else is to be written."""
        job = None if self._is_leaving else self._next_fit()
        if job is None:
            if before:
                self._write(before)
            elif not self._expected:
                self._quit() if self._is_leaving else self._rest()
            return
        self._job, self._refusal = job, None
        if ahead is None:
            may = self._pipelines and self._owner.may_write_ahead(Pipelining.ENVELOPE)
            ahead = Pipelining.ENVELOPE if may else Pipelining.OFF
        self._ahead = ahead
        self._is_trial = ahead is not Pipelining.OFF and not self._owner.is_proven(ahead)
        if ahead is Pipelining.OFF:
            self._expected.append(Stage.MAIL)
            self._write(before + envelopes.mail(job, self.offers))
        else:
            self._expected.extend(_ENVELOPE)
            self._write(before + envelopes.whole(job, self.offers))

    def _next_fit(self) -> Job | None:
        """The next job that this relay can take at all."""
        while (job := self._owner.next_job(self)) is not None:
            verdict = envelopes.unfit(job, self.offers)
            if verdict is None:
                return job
            self._owner.settle(self, job, verdict)
        return None

    def _rest(self) -> None:
        self._deadline = _NEVER
        self.idle_since = self._time()

    def _on_answer(self, answer: Answer) -> None:
        if not self._expected:
            self._on_unasked(answer)
            return
        stage = self._expected.popleft()
        match stage:
            case Stage.MAIL | Stage.RCPT:
                self._on_envelope(stage, answer)
            case Stage.DATA:
                self._on_data(answer)
            case Stage.DOT:
                self._on_dot(answer)
            case Stage.RSET:
                self._on_reset(answer)
            case _:
                self._end("")
        if self._expected and not self._problem:
            self._deadline = self._time() + self._seconds()

    def _on_envelope(self, stage: Stage, answer: Answer) -> None:
        """The answer to MAIL or RCPT."""
        if answer.code // 100 == 3:
            raise LineLost(f"it answers {stage} with {answer}, which is out of step")
        job = cast(Job, self._job)
        if answer.is_refusal and self._refusal is None:
            self._refusal, self._refused_at = answer, stage
        if self._ahead is not Pipelining.OFF:
            return  # all answers of the group have to be read
        if self._refusal:
            self._turn_away()
        elif stage is Stage.MAIL:
            self._expected.append(Stage.RCPT)
            self._write(envelopes.rcpt(job, self.offers))
        else:
            self._expected.append(Stage.DATA)
            self._write(b"DATA\r\n")

    def _on_data(self, answer: Answer) -> None:
        if answer.code // 100 == 2:
            raise LineLost(f"it answers DATA with {answer}, which is out of step")
        if answer.is_refusal:
            if self._refusal is None:
                self._refusal, self._refused_at = answer, Stage.DATA
            self._turn_away()
        elif self._refusal and self._refused_at is Stage.MAIL:
            self._end(f"it wants a message although it answered MAIL with {self._refusal}")
        elif self._refusal:  # RFC 2920, section 3.1: it waits for a message without recipients
            self._expected.append(Stage.RSET)
            self._write(b".\r\n")
        else:
            self._send_body()

    def _send_body(self) -> None:
        job = cast(Job, self._job)
        if self._ahead is not Pipelining.OFF:
            self._owner.wrote_ahead(self._ahead, works=True)
        self.transport.write(job.wire)
        self._deadline = self._time() + self._block_limit
        self._owner.intend(self, job)

    def _turn_away(self) -> None:
        """The envelope was refused: settle, and make ready for the next one."""
        answer = cast(Answer, self._refusal)
        is_lost = envelopes.is_out_of_order(self._refused_at, answer)
        if is_lost and self._ahead is not Pipelining.OFF:
            self._owner.wrote_ahead(self._ahead, works=False)
            self._refusal = None  # it means the way of writing, nobody's message
            self._end(f"it cannot take commands written ahead ({answer})")
            return
        verdict = classify(answer.reply(self._refused_at), self._relay.kind)
        self._settle_job(verdict)
        if verdict.after is After.CLOSE or self._problem:
            self._end(f"it answered {answer}")
            return
        self._expected.append(Stage.RSET)
        if self._ahead is Pipelining.OFF:
            self._write(b"RSET\r\n")
        else:
            self._offer(b"RSET\r\n", ahead=Pipelining.ENVELOPE)  # RFC 2920: RSET may come first

    def _on_reset(self, answer: Answer) -> None:
        """The transaction is gone, by RSET or by a dot without recipients."""
        if self._refusal is not None and self._job is not None and not self._expected:
            verdict = classify(self._refusal.reply(self._refused_at), self._relay.kind)
            self._settle_job(verdict)
            if verdict.after is After.CLOSE:
                self._end(f"it answered {self._refusal}")
                return
        elif not answer.is_positive:
            self._end(f"it refuses RSET with {answer}")
            return
        if self.is_idle:
            self._go_on()

    def _on_dot(self, answer: Answer) -> None:
        job = cast(Job, self._doubt)
        if answer.code // 100 == 3:
            raise LineLost(f"it answers the final dot with {answer}")
        self._doubt = None
        verdict = classify(answer.reply(Stage.DOT), self._relay.kind)
        if answer.is_positive:
            self.accepted += 1
        self._owner.settle(self, job, verdict)
        if verdict.after is After.CLOSE:
            self._end(f"it answered {answer}")
        elif self._is_dropping and self._job is not None:
            self._end("we are asked to stop")
        elif self._job is None and not self._problem:
            self._go_on()

    def _go_on(self) -> None:
        if self._is_leaving:
            self._quit()
        else:
            self._offer()

    def _on_unasked(self, answer: Answer) -> None:
        """Before our dot a refusal is certain; consent to half a message is none."""
        if self._job is not None and answer.is_refusal:
            self._settle_job(classify(answer.reply(Stage.DOT), self._relay.kind))
            self._end(f"it answered {answer} before the message had ended")
        elif self._job is not None:
            raise LineLost(f"the relay answered {answer} before the message had ended")
        elif answer.code == 421:
            self._end(f"it says good-bye with {answer}")
        else:
            raise LineLost(f"it says {answer} without having been asked")

    def _settle_job(self, verdict: Verdict) -> None:
        job, self._job = cast(Job, self._job), None
        self._owner.settle(self, job, verdict)

    def _quit(self) -> None:
        self._expected.append(Stage.QUIT)
        self._write(b"QUIT\r\n")

    def _write(self, data: bytes) -> None:
        self.transport.write(data)
        self._deadline = self._time() + self._seconds()

    def _seconds(self) -> float:
        """The wait for the answer that is due next."""
        if not self._expected:
            return self._block_limit
        limit = self._limits[self._expected[0]]
        return min(limit, PROBING_SECONDS) if self._is_probing else limit

    def _settle_all(self, problem: str) -> None:
        doubt, self._doubt = self._doubt, None
        if doubt is not None:
            self._owner.settle(self, doubt, lost(Stage.DOT, problem))
        if self._job is not None:
            refusal = self._refusal  # an answer that came counts, though the line has gone
            verdict = (
                classify(refusal.reply(self._refused_at), self._relay.kind)
                if refusal is not None
                else lost(Stage.DATA, problem)
            )
            self._settle_job(verdict)
        self._expected.clear()
        self._owner.closed(self, problem)
