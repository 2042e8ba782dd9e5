"""Founding a site: the sample that every new folder starts from."""

import json
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
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

_PLACEHOLDERS: dict[tuple[str, str], object] = {
    ("site", "title"): "My site",
    ("site", "description"): "",
    ("site", "language"): "en",
    ("site", "timezone"): "UTC",
    ("site", "author"): "",
    ("site", "author_email"): "",
    ("site", "authority"): "",
    ("site", "postal_address"): "",
    ("content", "dialect"): "auto",
    ("newsletters", "title"): "My letter",
    ("newsletters", "description"): "",
    ("newsletters", "timezone"): "UTC",
    ("newsletters", "frequencies"): [],
    ("newsletters", "topics"): [],
    ("newsletters", "languages"): [],
    ("newsletters", "sender_name"): "My site",
}
"""What an empty site has where the sample speaks of itself; `since` and `start` are its date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A setting that still holds a word of the sample, or a placeholder."""

    where: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """What `found` did: the files it laid, relative to the folder, and those that were there."""

    created: tuple[str, ...]
    kept: tuple[str, ...]


def found(folder: Path, *, sample: bool, today: date) -> Founded:
    """Lays config.toml and content/ into a folder; what is there already stays as it is.

    Without `sample` the content folder starts empty, and the settings without the sample's words.
    Raises `PublisherError` where the disk refuses.
    """
    try:
        return _lay(folder, sample=sample, today=today)
    except OSError as error:
        raise PublisherError(
            f"{error.filename or folder}: {error.strerror or error}; "
            "choose another folder, or mend the rights"
        ) from error


def _lay(folder: Path, *, sample: bool, today: date) -> Founded:
    source = _sample_folder()
    folder.mkdir(parents=True, exist_ok=True)
    created, kept = [], []
    for name in ("config.toml", "content"):
        target = folder / name
        if target.exists():
            kept.append(name)
            continue
        created.append(name)
        if sample:
            _copy(source / name, target)
        elif name == "content":
            target.mkdir()
        else:
            target.write_text(own_config(_sample_config(), today=today), encoding="utf-8")
    return Founded(created=tuple(created), kept=tuple(kept))


def own_config(sample: str, *, today: date) -> str:
    """The sample's config.toml for a site of somebody's own: each setting with its comment, none
    of the sample's words.
    """
    values = {key: json.dumps(value) for key, value in _PLACEHOLDERS.items()}
    values |= {("site", "since"): str(today.year), ("newsletters", "start"): today.isoformat()}
    section, lines = "", []
    for line in sample.replace("# The sample site,", "# Your site,", 1).splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        key = line.partition(" = ")[0]
        value = values.get((section, key))
        lines.append(f"{key} = {value}  # {line.rpartition('  # ')[2]}" if value else line)
    return "\n".join(lines) + "\n"


def leftovers(app: App) -> Iterator[Leftover]:
    """What no reader of a real site should see: words of the sample, placeholders."""
    sample = tomllib.loads(_sample_config())
    site = app.site
    held = [
        ("site", "title", site.title),
        ("site", "description", site.description),
        ("site", "author", site.author.name),
        ("site", "author_email", site.author.email),
        ("site", "authority", site.authority),
        ("site", "postal_address", site.postal_address),
    ]
    for section, key, value in held:
        if value and value in (sample[section][key], _PLACEHOLDERS[section, key]):
            yield Leftover(where=f"{section}.{key}", value=value)
    (shown,) = sample["newsletters"]
    for each in app.newsletters:
        named = {
            "title": each.title,
            "description": each.description,
            "sender_name": each.sender.name,
        }
        for key, value in named.items():
            if value and value in (shown[key], _PLACEHOLDERS["newsletters", key]):
                yield Leftover(where=f"newsletters.{each.id}.{key}", value=value)


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


def _sample_config() -> str:
    return (_sample_folder() / "config.toml").read_text(encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
