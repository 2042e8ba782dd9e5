from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.services.output import Staging, write_file

AT = datetime(2026, 1, 1, tzinfo=UTC)


def stage(staging: Staging, path: str, data: bytes) -> None:
    aside = staging.reserve()
    aside.write_bytes(data)
    staging.add(aside, path, modified_at=AT)


def test_a_file_is_never_half_written(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_file(target, b"old", mode=0o600)
    assert target.stat().st_mode & 0o777 == 0o600

    with pytest.raises(TypeError):
        write_file(target, "text, not bytes")  # type: ignore[arg-type]

    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_staged_files_take_their_places_only_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with Staging(tmp_path) as staging:
        stage(staging, "a", b"new")
        stage(staging, "deep/b", b"b")
        assert (tmp_path / "a").read_bytes() == b"old"
        assert not (tmp_path / "deep").exists()
        staging.settle()
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (tmp_path / "deep" / "b").stat().st_mtime == AT.timestamp()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "deep"]


def test_of_many_files_the_disk_is_told_once_before_and_once_after_the_first_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    def count() -> None:
        told.append(len([*tmp_path.glob("[0-4]/page")]))

    monkeypatch.setattr("publisher.services.output.MANY", 3)
    monkeypatch.setattr("publisher.services.output.os.sync", count)
    with Staging(tmp_path) as staging:
        for number in range(5):
            stage(staging, f"{number}/page", b"x")
        staging.finish()
        staging.settle()
    assert told == [0, 5]


def test_what_was_not_settled_is_thrown_away(tmp_path: Path) -> None:
    with Staging(tmp_path) as staging:
        stage(staging, "a", b"new")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    dead = tmp_path / ".new-4194304-x"  # above the largest number a process can have
    dead.mkdir()
    (dead / "0").write_bytes(b"half")
    with Staging(tmp_path) as staging:
        stage(staging, "a", b"new")
        staging.settle()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
