"""Founding a site: the sample that every new folder starts from."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import publisher
from publisher.errors import PublisherError
from publisher.services import subscribers
from publisher.services.app import App

_PACKAGE = Path(publisher.__file__).parent

SAMPLE_SUBSCRIBERS = (
    ("ann@example.org", "Ann Keeper"),
    ("li.lei@example.com", "李雷"),
    ("marek@example.net", ""),
)
"""Confirmed from the start, at addresses where no mail can ever arrive (RFC 2606)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """What `found` did: the files it laid, relative to the folder, and those that were there."""

    created: tuple[str, ...]
    kept: tuple[str, ...]


def found(folder: Path, *, sample: bool) -> Founded:
    """Lays config.toml and content/ into a folder; what is there already stays as it is.

    Without `sample` the content folder starts empty. Raises `PublisherError` where the disk
    refuses.
    """
    try:
        return _lay(folder, sample=sample)
    except OSError as error:
        raise PublisherError(
            f"{error.filename or folder}: {error.strerror or error}; "
            "choose another folder, or mend the rights"
        ) from error


def _lay(folder: Path, *, sample: bool) -> Founded:
    source = _sample_folder()
    folder.mkdir(parents=True, exist_ok=True)
    created, kept = [], []
    for name in ("config.toml", "content"):
        target = folder / name
        if target.exists():
            kept.append(name)
        elif name == "content" and not sample:
            target.mkdir()
            created.append(name)
        else:
            _copy(source / name, target)
            created.append(name)
    return Founded(created=tuple(created), kept=tuple(kept))


def is_sample(folder: Path) -> bool:
    """Whether the folder's config.toml is the sample's, unchanged."""
    return (folder / "config.toml").read_bytes() == (_sample_folder() / "config.toml").read_bytes()


def invite_sample_subscribers(app: App) -> int:
    """Adds the sample subscribers to a site that has none. Returns how many."""
    if subscribers.listing(app):
        return 0
    for newsletter in app.newsletters:
        for email, name in SAMPLE_SUBSCRIBERS:
            subscribers.add(app, newsletter.id, email=email, name=name, source="sample site")
    return len(SAMPLE_SUBSCRIBERS)


def _sample_folder() -> Path:
    """The sample inside an installed package, or the repository that we run from."""
    packaged = _PACKAGE / "_sample"
    return packaged if packaged.is_dir() else _PACKAGE.parent


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
