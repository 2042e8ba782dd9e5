"""What a relay's answer means: for the row, for the connection, for the engine. Pure.

`classify` reads the table of failures: who is meant is decided by the stage, then by the enhanced
code (RFC 3463), then by the basic code (RFC 5321, section 4.2). A fault of the relay or of the
issue never becomes one of a subscriber.
"""

import re
from enum import StrEnum

from publisher.domain.compact import Compact


class Stage(StrEnum):
    """Where in the conversation a reply came."""

    CONNECT = "CONNECT"
    GREETING = "GREETING"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "DOT"  # after the whole message
    RSET = "RSET"
    QUIT = "QUIT"


class RelayKind(StrEnum):
    """Whose habits a relay has; some providers say more in their texts than in their codes."""

    RELAY = "relay"  # a smarthost, ours or a provider's
    DIRECT = "direct"  # the recipients' own servers judge us at once
    SES = "ses"  # Amazon SES
    GMAIL = "gmail"  # Google Workspace


class Reply(Compact, frozen=True, kw_only=True):
    """What the relay said: code, enhanced code (RFC 3463; may be empty) and text."""

    code: int
    enhanced: str
    text: str
    stage: Stage

    def __str__(self) -> str:
        told = (
            f"{self.code} {self.enhanced} {self.text}"
            if self.enhanced
            else f"{self.code} {self.text}"
        )
        return told.rstrip()


class Accepted(Compact, frozen=True):
    """The relay took responsibility for the message (2xx after the dot)."""

    reply: Reply


class Deferred(Compact, frozen=True):
    """Not now (4xx): about this recipient or message."""

    reply: Reply


class Rejected(Compact, frozen=True):
    """Never (5xx): about this recipient or message."""

    reply: Reply


class Unconfirmed(Compact, frozen=True):
    """The line was lost after the final dot: the relay may have the message."""

    problem: str


class NotSent(Compact, frozen=True):
    """Certainly not accepted, and not because of the recipient: the row goes back uncounted."""

    problem: str


Outcome = Accepted | Deferred | Rejected | Unconfirmed | NotSent


def reply_class(outcome: Outcome) -> str:
    """`2xx`, `4xx` or `5xx`, and `none` where the line was lost instead."""
    match outcome:
        case Accepted() | Deferred() | Rejected():
            return f"{outcome.reply.code // 100}xx"
        case _:
            return "none"


class Scope(StrEnum):
    """Whom an answer is about."""

    RECIPIENT = "recipient"
    MESSAGE = "message"
    POLICY = "policy"  # what they think of us, told to one recipient
    ISSUE = "issue"
    CONNECTION = "connection"
    RELAY = "relay"


class After(StrEnum):
    """What the connection does next."""

    KEEP = "keep"
    RESET = "reset"  # RSET, then the next message
    CLOSE = "close"


class Reaction(StrEnum):
    """What the engine does besides recording the row."""

    NONE = "none"
    BACK_OFF = "back off"  # leave the relay alone for a while
    HALVE = "halve"  # the same, with half the connections
    PAUSE_RELAY = "pause relay"  # until an operator has looked
    PAUSE_ISSUE = "pause issue"
    STRIKE_ISSUE = "strike issue"  # the third in a row pauses it
    BREAKER = "breaker"  # too many of these pause the issue
    SLOW_DOMAIN = "slow domain"
    SLOW_RELAY = "slow relay"
    QUOTA = "quota"  # nothing more until the window ends
    LEARN_LIMIT = "learn limit"  # so many messages a connection, no more


class Blame(StrEnum):
    """What a refusal says of the address."""

    NONE = "none"
    SOFT = "soft"  # counts; many of them suppress
    HARD = "hard"  # suppress at once


class Verdict(Compact, frozen=True, kw_only=True):
    """The whole meaning of one event."""

    outcome: Outcome
    scope: Scope
    after: After
    reaction: Reaction = Reaction.NONE
    blame: Blame = Blame.NONE


_GONE = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
"""No such mailbox or domain, bad syntax, moved away, null MX, disabled."""

_SENDER = {"5.1.7", "5.1.8"}
"""The sender's address or domain."""

_AUTHENTICATION = {"5.7.26", "5.7.515"}
"""SPF, DKIM, DMARC (RFC 7372; Outlook.com)."""

_RATE = re.compile(r"maximum sending rate|throttl", re.IGNORECASE)
_QUOTA = re.compile(r"daily (?:message )?quota|daily (?:user )?sending (?:quota|limit)", re.I)


def classify(reply: Reply, kind: RelayKind = RelayKind.RELAY) -> Verdict:
    """What a reply at its stage means. Raises `ValueError` for what settles nothing: 3xx."""
    if reply.code // 100 == 2 and reply.stage is Stage.DOT:
        return Verdict(outcome=Accepted(reply), scope=Scope.MESSAGE, after=After.KEEP)
    if reply.code // 100 in (2, 3):
        raise ValueError(f"no final answer: {reply}")
    if reply.stage in _OPENING:
        return _opening(reply)
    return _limits(reply, kind) or _BY_STAGE.get(reply.stage, _dot)(reply)


def lost(stage: Stage, problem: str) -> Verdict:
    """The line went before an answer came: certain, unless the final dot was out."""
    if stage is Stage.DOT:
        return Verdict(
            outcome=Unconfirmed(f"the relay may have it: after the final dot, {problem}"),
            scope=Scope.MESSAGE,
            after=After.CLOSE,
        )
    scope = Scope.RELAY if stage is Stage.CONNECT else Scope.CONNECTION
    return Verdict(
        outcome=NotSent(f"the relay did not take it: {problem}"),
        scope=scope,
        after=After.CLOSE,
        reaction=Reaction.BACK_OFF if scope is Scope.RELAY else Reaction.NONE,
    )


_OPENING = {Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH}


def _opening(reply: Reply) -> Verdict:
    """Before any message: the relay's affair, whatever it says."""
    is_temporary = reply.code // 100 == 4
    if reply.stage in (Stage.GREETING, Stage.EHLO) and is_temporary:
        return _back(reply, Scope.RELAY, After.CLOSE, Reaction.HALVE)
    if reply.stage is Stage.AUTH and reply.code in (421, 454):
        return _back(reply, Scope.RELAY, After.CLOSE, Reaction.BACK_OFF)
    return _back(reply, Scope.RELAY, After.CLOSE, Reaction.PAUSE_RELAY)


def _limits(reply: Reply, kind: RelayKind) -> Verdict | None:
    """Rates, quotas and 421, which may come at any stage and blame nobody."""
    after = After.RESET if reply.stage in (Stage.RCPT, Stage.MAIL, Stage.DATA) else After.KEEP
    if _is_quota(reply, kind):
        return _back(reply, Scope.RELAY, After.CLOSE, Reaction.QUOTA)
    if reply.enhanced == "4.7.28" or (
        kind is RelayKind.SES and reply.code == 454 and _RATE.search(reply.text)
    ):
        closes = reply.code == 421
        return _back(reply, Scope.RELAY, After.CLOSE if closes else after, Reaction.SLOW_RELAY)
    if reply.code == 421:  # RFC 5321, section 3.8: it closes
        return _back(reply, Scope.CONNECTION, After.CLOSE, Reaction.LEARN_LIMIT)
    if reply.enhanced in _AUTHENTICATION:
        return _back(reply, Scope.ISSUE, after, Reaction.PAUSE_ISSUE)
    return None


def _is_quota(reply: Reply, kind: RelayKind) -> bool:
    match kind:
        case RelayKind.SES:
            return reply.code == 454 and bool(_QUOTA.search(reply.text))
        case RelayKind.DIRECT:
            return False
        case _:
            return reply.enhanced == "5.4.5" or bool(
                reply.code in (450, 452, 454, 550) and _QUOTA.search(reply.text)
            )


def _mail(reply: Reply) -> Verdict:
    if reply.code // 100 == 4:
        return _back(reply, Scope.RELAY, After.RESET, Reaction.BACK_OFF)
    return _back(reply, Scope.ISSUE, After.RESET, Reaction.PAUSE_ISSUE)


def _recipient(reply: Reply) -> Verdict:
    after = After.RESET
    if reply.enhanced == "4.5.3":  # too many recipients on this connection
        return _back(reply, Scope.CONNECTION, After.CLOSE, Reaction.NONE)
    if reply.enhanced in _SENDER:
        return _back(reply, Scope.ISSUE, after, Reaction.PAUSE_ISSUE)
    if reply.enhanced == "5.3.4":  # too big, known by SIZE already
        return _back(reply, Scope.ISSUE, after, Reaction.STRIKE_ISSUE)
    if reply.code // 100 == 4:
        return _deferred(reply, Scope.RECIPIENT, after)
    return _refused(reply, after, full=reply.code == 552)


def _data(reply: Reply) -> Verdict:
    if reply.code // 100 == 4:
        return _back(reply, Scope.RELAY, After.RESET, Reaction.BACK_OFF)
    return _back(reply, Scope.ISSUE, After.RESET, Reaction.STRIKE_ISSUE)


def _dot(reply: Reply) -> Verdict:
    if reply.code // 100 == 4:
        return _deferred(reply, Scope.MESSAGE, After.KEEP)
    if reply.enhanced in _SENDER:
        return _back(reply, Scope.ISSUE, After.KEEP, Reaction.PAUSE_ISSUE)
    if reply.enhanced == "5.3.4" or reply.enhanced.startswith("5.6."):  # size, contents
        return _back(reply, Scope.ISSUE, After.KEEP, Reaction.STRIKE_ISSUE)
    if reply.enhanced.startswith("5.7."):  # what they think of the contents or of us
        return Verdict(
            outcome=Rejected(reply),
            scope=Scope.ISSUE,
            after=After.KEEP,
            reaction=Reaction.BREAKER,
        )
    return _refused(reply, After.KEEP, full=False)


def _back(reply: Reply, scope: Scope, after: After, reaction: Reaction) -> Verdict:
    problem = f"the relay answered {reply.stage} with {reply}"
    return Verdict(outcome=NotSent(problem), scope=scope, after=after, reaction=reaction)


def _deferred(reply: Reply, scope: Scope, after: After) -> Verdict:
    slows = reply.enhanced.startswith("4.7.")
    reaction = Reaction.SLOW_DOMAIN if slows else Reaction.NONE
    return Verdict(outcome=Deferred(reply), scope=scope, after=after, reaction=reaction)


def _refused(reply: Reply, after: After, *, full: bool) -> Verdict:
    """A 5xx about one recipient: gone, full, or a policy that does not say so."""
    if reply.enhanced in _GONE:
        scope, reaction, blame = Scope.RECIPIENT, Reaction.NONE, Blame.HARD
    elif full or reply.enhanced == "5.2.2":
        scope, reaction, blame = Scope.RECIPIENT, Reaction.NONE, Blame.SOFT
    else:
        scope, reaction, blame = Scope.POLICY, Reaction.BREAKER, Blame.NONE
    return Verdict(
        outcome=Rejected(reply), scope=scope, after=after, reaction=reaction, blame=blame
    )


_BY_STAGE = {Stage.MAIL: _mail, Stage.RCPT: _recipient, Stage.DATA: _data}
