"""Envelopes: the commands before a message, and whether a relay can take it at all."""

from publisher.domain.replies import (
    After,
    Blame,
    NotSent,
    Reaction,
    Rejected,
    Reply,
    Scope,
    Stage,
    Verdict,
)
from publisher.mail.jobs import Job, xtext
from publisher.mail.opening import Offers
from publisher.mail.replies import Answer


def whole(job: Job, offers: Offers) -> bytes:
    """MAIL, RCPT and DATA, to be written in one go."""
    return mail(job, offers) + rcpt(job, offers) + b"DATA\r\n"


def mail(job: Job, offers: Offers) -> bytes:
    """The MAIL command, with what the relay wants to know beforehand."""
    line = f"MAIL FROM:<{job.sender}>"
    if "SIZE" in offers:
        line += f" SIZE={len(job.wire)}"  # RFC 1870
    if not job.is_ascii:
        line += " BODY=8BITMIME"  # RFC 6152
    if not job.recipient.isascii() or not job.sender.isascii():
        line += " SMTPUTF8"  # RFC 6531
    if job.envelope_id and "DSN" in offers:
        line += f" RET=HDRS ENVID={xtext(job.envelope_id)}"  # RFC 3461
    return f"{line}\r\n".encode()


def rcpt(job: Job, offers: Offers) -> bytes:
    """The RCPT command."""
    line = f"RCPT TO:<{job.recipient}>"
    if job.envelope_id and "DSN" in offers:
        kind = "rfc822" if job.recipient.isascii() else "utf-8"
        line += f" NOTIFY=FAILURE,DELAY ORCPT={kind};{xtext(job.recipient)}"
    return f"{line}\r\n".encode()


def is_out_of_order(stage: Stage, answer: Answer) -> bool:
    """Whether the relay has lost what was written ahead: our commands were in order."""
    if answer.code == 503:
        return True
    is_protocol = answer.code == 554 and answer.enhanced.startswith("5.5.")
    return is_protocol and stage is not Stage.RCPT


def unfit(job: Job, offers: Offers) -> Verdict | None:
    """Why this relay cannot take this message at all; None if it can."""
    if 0 < offers.size < len(job.wire):
        problem = (
            f"the relay takes {offers.size} bytes at most, and this message has {len(job.wire)}; "
            "shorten the issue"
        )
        return _unfit_issue(problem)
    if not job.is_ascii and "8BITMIME" not in offers:
        return _unfit_issue("the relay takes 7 bit only, and this message has 8; encode it")
    if not job.recipient.isascii() and "SMTPUTF8" not in offers:
        reply = Reply(
            code=550,
            enhanced="5.6.7",
            text="the relay takes no addresses beyond ASCII (said by us: no SMTPUTF8 offered)",
            stage=Stage.RCPT,
        )
        return Verdict(
            outcome=Rejected(reply), scope=Scope.RECIPIENT, after=After.KEEP, blame=Blame.NONE
        )
    return None


def _unfit_issue(problem: str) -> Verdict:
    return Verdict(
        outcome=NotSent(problem),
        scope=Scope.ISSUE,
        after=After.KEEP,
        reaction=Reaction.PAUSE_ISSUE,
    )
