import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from publisher.errors import TemplateError
from publisher.lint.findings import Finding, Severity
from publisher.services import makers
from publisher.services.makers import Job, Made, OutputFile, make_all

FINDING = Finding(rule="T1", severity=Severity.WARNING, line=1, problem="odd", fix="mend it")


def text(number: int) -> bytes:
    return b"<p>%d</p>" % number * 100


def suspicious(data: bytes) -> list[Finding]:
    return [FINDING] if data.startswith(b"<p>3<") else []


def deadly(number: int, parent: int) -> bytes:
    """Ends any process but the one that the test runs in."""
    if os.getpid() != parent:
        os._exit(1)
    return text(number)


def broken() -> bytes:
    raise TemplateError("pages/post.html", 7, "no such name")


def job(folder: Path, number: int, data: Callable[[], bytes], digest: str = "") -> Job:
    file = OutputFile(
        path=f"{number}", data=data, look=suspicious, is_packed=True, is_portable=True
    )
    return Job(file=file, aside=folder / f"{number}", digest=digest, is_synced=False)


def made_in(folder: Path, count: int = 30) -> list[Made]:
    folder.mkdir()
    return list(make_all([job(folder, number, partial(text, number)) for number in range(count)]))


@pytest.fixture
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(makers, "_MANY", 2)


def test_processes_make_the_same_as_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = made_in(tmp_path / "here")
    monkeypatch.setattr(makers, "_MANY", 2)
    far = made_in(tmp_path / "far")
    assert far == here
    assert [number for number, each in enumerate(here) if each.findings] == [3]
    names = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert len(names) == 90
    for name in names:
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_equal_bytes_are_not_written_again(tmp_path: Path) -> None:
    (first,) = make_all([job(tmp_path, 0, partial(text, 0))])
    assert first.is_written
    for path in tmp_path.iterdir():
        path.unlink()
    (again,) = make_all([job(tmp_path, 0, partial(text, 0), first.digest)])
    assert not again.is_written
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("side_by_side")
def test_what_is_wrong_in_a_process_is_told_here(tmp_path: Path) -> None:
    jobs = [job(tmp_path, 0, partial(text, 0)), job(tmp_path, 1, broken)]
    with pytest.raises(TemplateError, match="no such name"):
        list(make_all(jobs))


@pytest.mark.usefixtures("side_by_side")
def test_what_ends_a_process_is_made_here(tmp_path: Path) -> None:
    jobs = [job(tmp_path, number, partial(deadly, number, os.getpid())) for number in range(40)]
    assert [each.size for each in make_all(jobs)] == [len(text(number)) for number in range(40)]
