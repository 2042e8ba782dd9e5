"""Every error that Publisher raises on purpose.

    PublisherError                            exit 1
    ├── ConfigError(path, problems)           exit 78
    ├── ContentError(path, line, problem)     collected, never raised through
    ├── TemplateError(template, line, problem)  the issue stays planned
    ├── StoreError(problem)                   exit 1, HTTP 503
    ├── Locked(path, pid)                     exit 75
    ├── NotFound(kind, key)                   exit 1, HTTP 404
    │   └── Gone(kind, key)                   exit 1, HTTP 410
    ├── Conflict(kind, key, problem)          exit 1, HTTP 409
    ├── InvalidAddress(text, problem)         exit 1, HTTP 422
    ├── InvalidToken                          HTTP 404, always the same page
    ├── LoginRefused                          HTTP 401, the same for every reason
    ├── TooOften(wait)                        HTTP 429
    ├── RelayError(relay, problem)            the issue goes on later
    └── NetworkError(url, problem)            tried again later

An error carries the ids and says what to do. What a relay answered is a value
(`domain.deliveries.Outcome`), not an error. Exit codes are given in `cli.main` only, HTTP status
in `web.app` only.
"""

import math
from datetime import timedelta


class PublisherError(Exception):
    """The root: something that an operator, a writer or a subscriber can act on."""


class ConfigError(PublisherError):
    """The settings cannot be used; names every problem at once.

    `problems` are ready sentences, each starting with `file:line:column` where the place is
    known.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ContentError(PublisherError):
    """One post cannot be read. `line` counts from 1; 0 means the file as a whole."""

    def __init__(self, path: str, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}" if line else f"{path}: {problem}")
        self.path = path
        self.line = line
        self.problem = problem


class TemplateError(PublisherError):
    """A template cannot be rendered. `line` counts from 1; 0 where the place is not known."""

    def __init__(self, template: str, line: int, problem: str) -> None:
        super().__init__(f"{template}:{line}: {problem}" if line else f"{template}: {problem}")
        self.template = template
        self.line = line
        self.problem = problem


class StoreError(PublisherError):
    """The database cannot be used: missing rights, full disk, a newer schema."""


class Locked(PublisherError):
    """Another process works on this state folder. `pid` is 0 where it left none."""

    def __init__(self, path: str, pid: int) -> None:
        super().__init__(
            f"{path} is held by process {pid or 'unknown'}: another publisher is at work here; "
            "wait until it has ended, or stop it"
        )
        self.path = path
        self.pid = pid


class NotFound(PublisherError):
    """There is no such thing. `known`: what there is; `problem`: more to say, as a sentence."""

    def __init__(
        self, kind: str, key: str, known: tuple[str, ...] = (), *, problem: str = ""
    ) -> None:
        hint = f"; there is {', '.join(known)}" if known else ""
        super().__init__(f"no {kind} {key!r}{hint}{': ' if problem else ''}{problem}")
        self.kind = kind
        self.key = key


class Gone(NotFound):
    """There was such a thing once, and it will not come back."""


class Conflict(PublisherError):
    """The thing is not in a state that allows this."""

    def __init__(self, kind: str, key: str, problem: str) -> None:
        super().__init__(f"{kind} {key}: {problem}")
        self.kind = kind
        self.key = key
        self.problem = problem


class InvalidAddress(PublisherError):
    """The text is not an e-mail address that Publisher mails to."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(f"{text!r} is not an address: {problem}")
        self.text = text
        self.problem = problem


class InvalidToken(PublisherError):
    """A link that we did not make, or not for this purpose. Deliberately without detail."""

    def __init__(self) -> None:
        super().__init__("this link is not valid")


class LoginRefused(PublisherError):
    """Name, password or code is wrong. Deliberately without detail."""

    def __init__(self) -> None:
        super().__init__("this name, password and code do not open anything")


class TooOften(PublisherError):
    """Somebody has used up a budget. `wait`: after so long it is certain that there is more."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"tried too often; try again in {math.ceil(wait.total_seconds())} seconds")
        self.wait = wait


class RelayError(PublisherError):
    """The relay cannot be used at all: no connection, no TLS, credentials refused.

    `is_lasting`: waiting will not mend it, and asking again may do harm.
    """

    def __init__(self, relay: str, problem: str, *, is_lasting: bool = False) -> None:
        super().__init__(f"{relay}: {problem}")
        self.relay = relay
        self.problem = problem
        self.is_lasting = is_lasting


class NetworkError(PublisherError):
    """A server elsewhere cannot be asked, or may not be."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"{url}: {problem}")
        self.url = url
        self.problem = problem
