from pathlib import Path

import pytest

from publisher.errors import PublisherError
from publisher.services.output import OutputFile, publish_files, write_file


def publish(tmp_path: Path, **files: str) -> tuple[dict[str, bool], list[str]]:
    written, removed = publish_files(
        [OutputFile(path=path, data=text.encode()) for path, text in files.items()],
        output=tmp_path / "public",
        state=tmp_path / "var",
    )
    return {file.path: file.changed for file in written}, removed


def test_only_changed_bytes_are_written(tmp_path: Path) -> None:
    assert publish(tmp_path, a="1", b="2") == ({"a": True, "b": True}, [])
    inode = (tmp_path / "public" / "a").stat().st_ino

    assert publish(tmp_path, a="1", b="3") == ({"a": False, "b": True}, [])
    assert (tmp_path / "public" / "a").stat().st_ino == inode


def test_what_is_no_longer_made_is_removed_with_its_empty_folders(tmp_path: Path) -> None:
    publish(tmp_path, **{"posts/one/index.html": "1", "posts/two/index.html": "2"})

    assert publish(tmp_path, **{"posts/two/index.html": "2"})[1] == ["posts/one/index.html"]
    assert not (tmp_path / "public" / "posts" / "one").exists()
    assert (tmp_path / "public" / "posts" / "two" / "index.html").exists()


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    publish(tmp_path, a="1")
    (tmp_path / "public" / "robots.txt").write_text("theirs")

    publish(tmp_path, b="2")

    assert (tmp_path / "public" / "robots.txt").read_text() == "theirs"
    assert not (tmp_path / "public" / "a").exists()


def test_a_damaged_manifest_deletes_nothing(tmp_path: Path) -> None:
    publish(tmp_path, a="1")
    (tmp_path / "var" / "manifest.json").write_text("{damaged")

    assert publish(tmp_path, b="2") == ({"b": True}, [])
    assert (tmp_path / "public" / "a").exists()


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", ""])
def test_no_path_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(PublisherError, match="outside the output folder"):
        publish(tmp_path, **{path: "1"})


def test_a_file_is_never_half_written(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_file(target, b"old", mode=0o600)
    assert target.stat().st_mode & 0o777 == 0o600

    with pytest.raises(TypeError):
        write_file(target, "text, not bytes")  # type: ignore[arg-type]

    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
