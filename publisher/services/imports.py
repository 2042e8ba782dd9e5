"""Lists of subscribers from files and into files, in our own form and those of other tools.

    file ──bounded lines──▶ CSV or JSONL ──▶ Candidate ──batch──▶ one transaction ──▶ report

Memory holds one batch, whatever the file's size. Where an import stands is committed with its
rows, so that a cut one goes on where it stopped.
"""

import csv
import io
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from publisher.domain.addresses import ROLE_WARNING, Address, parse_address
from publisher.domain.choices import offered
from publisher.domain.exchange import (
    BETWEEN,
    COLUMNS,
    Candidate,
    Dialect,
    lacks,
    read,
    recognise,
    write,
)
from publisher.domain.newsletters import Newsletter
from publisher.domain.subscribers import Joined, Subscription, SubscriptionStatus
from publisher.domain.suppressions import SuppressionReason, address_hash
from publisher.errors import InvalidAddress, PublisherError
from publisher.render.words import known_language
from publisher.services.app import App
from publisher.store import imports as rows
from publisher.store.engine import Tx

Suppressed = Mapping[str, SuppressionReason]
"""Which addresses of an export must not be mailed, and why."""

NOBODY: Suppressed = {}
BATCH = 5000
LINE_LIMIT = 1_000_000
"""Characters of the longest line that is read; what is longer is refused and passed over."""

_SEPARATORS = (",", ";", "\t")
_NO_CSV = "is no CSV: a quote is not closed, or a cell is too long"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """Where the rows of a file go: the newsletter, the status of new ones, the file's name.

    `dialect` None: whose file it is shows in its columns.
    """

    newsletter: str
    status: SubscriptionStatus
    source: str
    dialect: Dialect | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRow:
    """One line of an import file and what became of it. `line` counts from 1.

    `problem` says why it was refused, `warning` what to think of although it was not.
    """

    line: int
    email: str
    result: Joined
    problem: str = ""
    warning: str = ""


def import_csv(app: App, lines: Iterable[str], plan: ImportPlan) -> Iterator[list[ImportedRow]]:
    """Adds the rows of a CSV file; yields reports as it goes.

    A row that cannot be used stops only itself. Nobody who is there already is changed, whatever
    their status: an import never brings back who has left. Raises `PublisherError` for a file
    without a column of addresses, `NotFound` for an unknown newsletter.
    """
    yield from _import(app, _of_csv(lines, plan), plan, key="", start=0)


def import_file(
    app: App, path: Path, plan: ImportPlan, *, encoding: str = ""
) -> Iterator[list[ImportedRow]]:
    """Adds the rows of a file, `.jsonl` or CSV; goes on where a cut import of it stopped.

    Raises as `import_csv` does.
    """
    key = _key(path, plan, encoding)
    with app.store.read() as tx:
        start = rows.position(tx, key)
    with _opened(path, encoding) as file:
        yield from _import(app, _candidates(path, file, plan), plan, key=key, start=start)
    with app.store.begin() as tx:
        rows.finish(tx, key)


def rehearse_file(
    app: App, path: Path, plan: ImportPlan, *, encoding: str = ""
) -> Iterator[list[ImportedRow]]:
    """What `import_file` would report, without a change."""
    app.newsletter(plan.newsletter)
    with _opened(path, encoding) as file, app.store.rehearse() as tx:
        candidates = _candidates(path, file, plan)
        while batch := list(islice(candidates, BATCH)):
            yield _add(app, tx, batch, plan)


def rehearse_csv(app: App, lines: Iterable[str], plan: ImportPlan) -> list[ImportedRow]:
    """What `import_csv` would report, without a change."""
    app.newsletter(plan.newsletter)
    with app.store.rehearse() as tx:
        return _add(app, tx, list(_of_csv(lines, plan)), plan)


def export_csv(
    subscriptions: Iterable[Subscription],
    *,
    raw: bool = False,
    dialect: Dialect = Dialect.OWN,
    suppressed: Suppressed = NOBODY,
) -> str:
    """CSV (RFC 4180) with one row a subscription, in the columns of a tool.

    A cell that a spreadsheet would take for a formula gets a leading apostrophe unless `raw`. Who
    waits for confirmation is left out where the tool would take them for subscribed.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS[dialect])
    for row in subscriptions:
        cells = write(dialect, row, suppressed.get(row.address))
        if cells is not None:
            writer.writerow(cells if raw else [_harmless(cell) for cell in cells])
    return out.getvalue()


def export_jsonl(subscriptions: Iterable[Subscription], *, suppressed: Suppressed = NOBODY) -> str:
    """One JSON object a line, in our own columns."""
    names = COLUMNS[Dialect.OWN]
    rows = (write(Dialect.OWN, row, suppressed.get(row.address)) for row in subscriptions)
    return "".join(
        json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False) + "\n"
        for cells in rows
        if cells is not None
    )


def _import(
    app: App, candidates: Iterator[Candidate], plan: ImportPlan, *, key: str, start: int
) -> Iterator[list[ImportedRow]]:
    app.newsletter(plan.newsletter)
    ahead = (candidate for candidate in candidates if candidate.line > start)
    while batch := list(islice(ahead, BATCH)):
        with app.store.begin() as tx:
            report = _add(app, tx, batch, plan)
            if key:
                rows.advance(tx, key, line=batch[-1].line, now=app.clock())
        yield report


def _add(app: App, tx: Tx, batch: list[Candidate], plan: ImportPlan) -> list[ImportedRow]:
    """One batch; the report is in the order of the lines."""
    newsletter = app.newsletter(plan.newsletter)
    checked = [_checked(app, candidate, plan, newsletter) for candidate in batch]
    usable: list[rows.Row] = [
        (address, [address_hash(key, address) for key in app.keys], candidate)
        for candidate, address in checked
        if address is not None
    ]
    results = iter(
        rows.add_many(
            tx,
            usable,
            newsletter=plan.newsletter,
            source=f"import of {plan.source}",
            now=app.clock(),
        )
    )
    return [
        _refused(candidate) if address is None else _reported(candidate, address, next(results))
        for candidate, address in checked
    ]


def _checked(
    app: App, candidate: Candidate, plan: ImportPlan, newsletter: Newsletter
) -> tuple[Candidate, Address | None]:
    """The row with what it will become, and its address; None where it cannot be used.

    A choice that is not on offer becomes none, a language without words the newsletter's.
    """
    if candidate.newsletter and candidate.newsletter != plan.newsletter:
        problem = f"is on {candidate.newsletter!r}; import that with --newsletter"
        return replace(candidate, problem=problem), None
    if candidate.problem:
        return candidate, None
    try:
        address = parse_address(candidate.email)
    except InvalidAddress as error:
        return replace(candidate, problem=error.problem), None
    if candidate.status is SubscriptionStatus.CONFIRMED is not plan.status:
        candidate = replace(candidate, status=plan.status)
    language = known_language(app.templates, candidate.language, also=(newsletter.language,))
    chosen = offered(newsletter, candidate.choices)
    return replace(candidate, language=language, choices=chosen), address


def _refused(candidate: Candidate) -> ImportedRow:
    return ImportedRow(
        line=candidate.line,
        email=candidate.email[:254],
        result=Joined.REFUSED,
        problem=candidate.problem,
    )


def _reported(candidate: Candidate, address: Address, result: Joined) -> ImportedRow:
    return ImportedRow(
        line=candidate.line,
        email=address.text,
        result=result,
        problem="the address is suppressed" if result is Joined.REFUSED else "",
        warning=ROLE_WARNING if result is Joined.ADDED and address.is_role else "",
    )


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[TextIO]:
    """The file as text; bytes that are none become halves of pairs, which a row is refused for."""
    with path.open("rb") as raw:
        start = raw.read(4)
    found = encoding or next((name for mark, name in _BOMS if start.startswith(mark)), "utf-8")
    try:
        with path.open(encoding=found, errors="surrogateescape", newline="") as file:
            yield file
    except (LookupError, UnicodeError) as error:
        raise PublisherError(f"{path.name}: cannot be read as {found}: {error}") from error


def _candidates(path: Path, file: TextIO, plan: ImportPlan) -> Iterator[Candidate]:
    if path.suffix.lower() in {".jsonl", ".ndjson"}:
        return _of_jsonl(_bounded(file), plan)
    return _of_csv(_bounded(file), plan)


def _bounded(file: TextIO) -> Iterator[str]:
    """The lines, each within the limit: what a line has beyond it is thrown away."""
    while line := file.readline(LINE_LIMIT):
        if len(line) == LINE_LIMIT and not line.endswith("\n"):
            while (rest := file.readline(LINE_LIMIT)) and not rest.endswith("\n"):
                pass
            line = line[:LINE_LIMIT] + "\n"
        yield line


def _of_csv(lines: Iterable[str], plan: ImportPlan) -> Iterator[Candidate]:
    """The rows of a CSV file, each with its line; broken ones carry their problem."""
    source = _Lines(_without_mark(lines))
    rows_of_file = _rows(source, _separator(source.first()))
    header = [cell.strip().lower() for cell in next(rows_of_file, (1, []))[1]]
    dialect = plan.dialect or recognise(header)
    lacking = lacks(dialect, header) if dialect else "email"
    if dialect is None or lacking:
        found = ", ".join(filter(None, header))[:200] or "nothing"
        problem = f"there must be a column named {lacking}; found {found!r}"
        raise PublisherError(f"{plan.source}:1: {problem}")
    for line, cells in rows_of_file:
        if not cells:
            yield Candidate(line=line, email="", problem=_NO_CSV)
        elif any(cells):
            told = map(_as_it_was, cells)
            yield read(dialect, line, dict(zip(header, told, strict=False)))


class _Lines:
    """Lines, counted as they are taken; those of a broken row can be taken again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.number = 0
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self.taken.append(line)
        return line

    def first(self) -> str:
        """The first line, which stays to be taken."""
        line = next(self._lines, "")
        if line:
            self._again.append(line)
        return line

    def give_back(self) -> None:
        """All that was taken but the first line."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        del self.taken[1:]


def _rows(source: _Lines, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with its line; without a cell where the line begins none.

    A quote that is opened and not closed swallows what follows, with no word from `csv`. So where
    a row has several lines its quotes must be right, else only its first line is lost.
    """
    reader = csv.reader(source, delimiter=separator)
    while True:
        line = source.number + 1
        source.taken.clear()
        try:
            cells = next(reader)
            if len(source.taken) > 1:
                next(csv.reader(source.taken, delimiter=separator, strict=True))
        except StopIteration:
            return
        except csv.Error:
            source.give_back()
            yield line, []
            continue
        if cells:
            yield line, cells


def _separator(header: str) -> str:
    """What stands between the cells: spreadsheets of half the world write semicolons."""
    with suppress(csv.Error):  # said of the row
        for each in _SEPARATORS:
            names = next(csv.reader([header], delimiter=each), [])
            if recognise([name.strip().lower() for name in names]):
                return each
    return _SEPARATORS[0]


def _of_jsonl(lines: Iterable[str], plan: ImportPlan) -> Iterator[Candidate]:
    for number, line in enumerate(_without_mark(lines), start=1):
        if not line.strip():
            continue
        try:
            found: Any = json.loads(line)
            cells = {str(name).lower(): _cell(value) for name, value in found.items()}
        except (ValueError, AttributeError, RecursionError):
            yield Candidate(line=number, email="", problem="is no JSON object")
            continue
        yield read(plan.dialect or recognise(cells) or Dialect.OWN, number, cells)


def _cell(value: object) -> str:
    """A value of JSON as a table would say it: what nobody could read might say that they left."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return BETWEEN.join(map(str, value))
        case _:
            return str(value)


def _key(path: Path, plan: ImportPlan, encoding: str) -> str:
    """What a file and its plan are known by: the same bytes, read alike for the same purpose."""
    told = (plan.newsletter, plan.status, plan.dialect or "", encoding, "")
    digest = sha256("\0".join(told).encode())
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")


def _harmless(cell: str) -> str:
    return "'" + cell if cell.lstrip("'").startswith(_FORMULA_STARTS) else cell


def _as_it_was(cell: str) -> str:
    """The cell before it was made harmless: an address may begin like a formula."""
    return cell[1:] if cell[:1] == "'" and _harmless(cell) != cell else cell
