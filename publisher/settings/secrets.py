"""Secrets: the relay's password and the site's key. No message here holds one in use."""

import base64
import os
import secrets
from pathlib import Path

from publisher.errors import ConfigError
from publisher.settings.schema import Settings

KEY_BYTES = 32
KEY_FILE = "secret-key"


def from_environment(name: str, problems: list[str]) -> str | None:
    """A secret in the variable `name`, or in the file that `<name>_FILE` names; else None."""
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value is not None and file is not None:
        problems.append(f"environment: {name} and {name}_FILE are both set; keep one")
        return None
    return value if file is None else read_file(Path(file), problems, f"{name}_FILE")


def from_credentials(credential: str, problems: list[str]) -> str | None:
    """A secret that systemd hands over, a file in `$CREDENTIALS_DIRECTORY`; else None."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder and (path := Path(folder) / credential).is_file():
        return read_file(path, problems, f"credential {credential}")
    return None


def read_file(path: Path, problems: list[str], where: str) -> str | None:
    """The text of a secret's file without its last line end; a problem where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        problems.append(f"{where}: {path}: {reason}")
        return None


def stated_wrongly(
    section: str, password: object, password_file: object, *, is_public: bool
) -> list[str]:
    """What is wrong with a password in the config file; `is_public`: others can read that file."""
    if password and password_file:
        return [f"{section}: password and password_file are both set; keep one"]
    variable = "PUBLISHER_SMTP__PASSWORD, " if section == "smtp" else ""
    if password and is_public:
        return [
            f"{section}.password stands in a file that others can read; use password_file, "
            f"{variable}or chmod 600 on the config file"
        ]
    return []


def relay_password(stated: str, file: str, root: Path, *, problems: list[str]) -> str:
    """The password of `[smtp]`; empty where none is set anywhere.

    `stated` and `file` are the keys `password` and `password_file` of the config file.
    """
    found = from_environment("PUBLISHER_SMTP__PASSWORD", problems)
    if found is None and file:
        found = read_file(root / file, problems, "smtp.password_file")
    if found is None:
        found = stated or from_credentials("smtp-password", problems)
    return found or ""


def read_site_keys(settings: Settings, root: Path) -> tuple[bytes, ...]:
    """The site's secret keys, each at least 32 bytes: the present one, then earlier ones.

    One on a line; links made with an earlier key work until its line is removed. Raises
    `ConfigError` if there is none or one is short.
    """
    problems: list[str] = []
    text = from_environment("PUBLISHER_SECRET_KEY", problems)
    if text is None:
        text = from_credentials(KEY_FILE, problems)
    path = key_path(settings, root)
    if text is None and not problems:
        if not path.is_file():
            raise ConfigError([_no_key(path)])
        text = read_file(path, problems, "secret key")
    if problems or text is None:
        raise ConfigError(problems)
    keys = tuple(_key(line) for line in text.split() or [""])
    if any(len(key) < KEY_BYTES for key in keys):
        raise ConfigError(
            [f"the secret key must be base64 of at least {KEY_BYTES} random bytes; see {path}"]
        )
    return keys


def _no_key(path: Path) -> str:
    return (
        "there is no secret key in PUBLISHER_SECRET_KEY, in the file that "
        f"PUBLISHER_SECRET_KEY_FILE names, among systemd's credentials ({KEY_FILE}), or in {path}; "
        "put this site's own there: another one breaks the links in all mails, so only a new site "
        "gets one, by `publisher init`"
    )


def key_path(settings: Settings, root: Path) -> Path:
    """Where the keys lie unless the environment has them."""
    return root / settings.state.folder / KEY_FILE


def new_key() -> str:
    """A fresh key as a line of the file."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _key(line: str) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except ValueError:
        return b""


def create_site_key(settings: Settings, root: Path) -> bool:
    """Makes the key's file, readable by its owner only; False if there is a key already, also one
    that comes from elsewhere.
    """
    path = key_path(settings, root)
    if from_environment("PUBLISHER_SECRET_KEY", []) or from_credentials(KEY_FILE, []):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(path, new_key())
    except FileExistsError:
        return False
    return True


def rotate_site_key(settings: Settings, root: Path) -> int:
    """Puts a new key before those of the file; returns how many there are now.

    Links made with the others go on working. Raises `ConfigError` where the keys come from the
    environment or from systemd: they are not ours to write.
    """
    path = key_path(settings, root)
    if from_environment("PUBLISHER_SECRET_KEY", []) or from_credentials(KEY_FILE, []):
        raise ConfigError(
            [
                f"the secret key does not come from {path}; put this line before the others where "
                f"it does come from, and reload: {new_key()}"
            ]
        )
    read_site_keys(settings, root)  # a broken file is not made worse
    lines = [new_key(), *path.read_text(encoding="utf-8").split()]
    aside = path.with_name(f"{KEY_FILE}.new")
    aside.unlink(missing_ok=True)
    _write(aside, "\n".join(lines))
    aside.replace(path)
    return len(lines)


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
