import base64
import stat
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from publisher.errors import ConfigError
from publisher.settings import (
    create_site_key,
    load_settings,
    masked,
    read_site_keys,
    rotate_site_key,
)
from publisher.settings.load import unknown_variables
from publisher.settings.locate import nearest_position, positions
from publisher.settings.schema import Settings

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "config.toml"

SAMPLE = {
    "site.description",
    "site.language",
    "site.author",
    "site.author_email",
    "site.authority",
    "site.postal_address",
    "content.dialect",
    "newsletters.description",
    "newsletters.start",
    "newsletters.frequencies",
    "newsletters.topics",
    "newsletters.languages",
}
"""Keys in the shipped file that describe the sample site instead of showing the default."""


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    path.chmod(0o600)
    return path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load_settings(path)
    return refused.value.problems


def keys() -> list[tuple[str, Any]]:
    """Every key of the schema, dotted, with its field."""
    found = []
    for section, field in Settings.model_fields.items():
        for candidate in (field.annotation, *get_args(field.annotation)):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                found += [
                    (f"{section}.{name}", each) for name, each in candidate.model_fields.items()
                ]
    return found


def test_the_shipped_file_holds_every_setting_with_its_default() -> None:
    given_values = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    sections = {**given_values, "newsletters": given_values["newsletters"][0]}
    for dotted, field in keys():
        section, name = dotted.split(".")
        if section == "relays":  # an example of one would be used
            continue
        assert name in sections[section], dotted
        if not field.is_required() and dotted not in SAMPLE:
            default = field.default
            expected = default.get_secret_value() if isinstance(default, SecretStr) else default
            expected = expected.model_dump() if isinstance(expected, BaseModel) else expected
            assert sections[section][name] == expected, dotted
    assert {dotted for dotted, _ in keys()} >= SAMPLE


def test_every_line_of_the_shipped_file_has_one_comment() -> None:
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        if " = " in line:
            assert "  # " in line, line


@pytest.mark.parametrize("dotted", [dotted for dotted, _ in keys()])
def test_every_setting_is_documented(dotted: str) -> None:
    section, name = dotted.split(".")
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    heading = f"[[{section}]]" if section in ("newsletters", "relays") else f"[{section}]"
    part = text.split(f"## `{heading}`", 1)[1].split("\n## ", 1)[0]
    assert f"| `{name}` |" in part


def test_five_faults_are_told_at_once_each_with_its_place(config: Path) -> None:
    change(config, "entries = 30", 'entries = "30"')
    change(config, 'host = ""', 'hots = ""')
    change(config, 'timezone = "Asia/Shanghai"', 'timezone = "Asia/Shangai"')
    change(config, "since = 2025", "# since = 2025")
    change(config, 'sender_address = "letters@example.org"', 'sender_address = "letters"')

    told = problems_of(config)

    lines = config.read_text(encoding="utf-8").splitlines()
    assert len(told) == 5
    for problem in told:
        _, line, column, words = problem.split(":", 3)
        place = lines[int(line) - 1][int(column) - 1 :]
        assert place.startswith(("entries", "hots", "timezone", "[site]", "sender_address")), place
        assert words
    assert any("Did you mean 'host'?" in problem for problem in told)
    assert any("Did you mean 'Asia/Shanghai'?" in problem for problem in told)
    assert any("site.since is missing" in problem for problem in told)


def test_a_secret_under_a_mistyped_key_is_told_nowhere(config: Path) -> None:
    change(config, 'password = ""', 'pasword = "hunter2"\nport2 = "hunter3"')

    told = "\n".join(problems_of(config))

    assert "Did you mean 'password'?" in told
    assert "hunter" not in told


def test_a_second_newsletter_of_the_same_name_is_refused_at_its_line(config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    block = text.split("[[newsletters]]")[1].split("[smtp]")[0]
    config.write_text(text.replace("[smtp]", f"[[newsletters]]{block}[smtp]"), encoding="utf-8")

    (told,) = problems_of(config)

    line = int(told.split(":")[1])
    assert "second newsletter 'weekly'" in told
    assert config.read_text(encoding="utf-8").splitlines()[line - 1].startswith('id = "weekly"')


def test_broken_toml_is_told_with_line_and_column(config: Path) -> None:
    config.write_text('[site]\ntitle = "open\n', encoding="utf-8")
    (told,) = problems_of(config)
    assert told.startswith(f"{config}:2:")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://bücher.de", "https://xn--bcher-kva.de"),
        ("https://BÜCHER.de:8443/a/", "https://xn--bcher-kva.de:8443/a"),
        ("https://灯塔。中国", "https://xn--omsv47c.xn--fiqs8s"),
        ("https://straße.example.org", "https://xn--strae-oqa.example.org"),
        ("HTTPS://letters.example.org", "https://letters.example.org"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_a_host_is_read_in_its_ascii_form(config: Path, written: str, meant: str) -> None:
    change(config, '"http://localhost:8080"', f'"{written}"')
    assert load_settings(config).site.base_url == meant


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("https://bü\u200dcher.de", "write its ASCII form, xn--…"),
        ("https://letters.example.org/bücher", "beyond ASCII in its path"),
        ("https://bücher.de:99999", "port out of range"),
        ("https://letters.example.org:99999", "port out of range"),
        ("https://letters.example.org ", "without blanks"),
        ("https://letters.example.org/a b", "without blanks"),
        ("https://ann:word@letters.example.org", "without blanks, quotes, user name or password"),
        ("https://letters.example.org/<i>", "without blanks, quotes"),
        ("https://.example.org", "must be an address"),
    ],
)
def test_an_address_that_no_mail_could_link_to_is_refused(
    config: Path, written: str, words: str
) -> None:
    change(config, '"http://localhost:8080"', f'"{written}"')
    with pytest.raises(ConfigError, match=f"base_url.*{words}"):
        load_settings(config)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    (told,) = problems_of(tmp_path / "config.toml")
    assert "publisher init" in told


def test_the_environment_wins_over_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLISHER_WEB__PORT", "9000")
    monkeypatch.setenv("PUBLISHER_SITE__TITLE", "Another")
    settings = load_settings(config)
    assert (settings.web.port, settings.site.title) == (9000, "Another")
    assert settings.web.host == "127.0.0.1"


def test_a_fault_in_the_environment_is_told_by_its_variable(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLISHER_SMTP__HOTS", "relay")
    (told,) = problems_of(config)
    assert told.startswith("environment: PUBLISHER_SMTP__HOTS: unknown key 'hots'")


def test_variables_that_mean_nothing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLISHER_STMP__HOST", "relay")
    monkeypatch.setenv("PUBLISHER_SECRET_KEY_FILE", "/nowhere")
    assert unknown_variables() == ["PUBLISHER_STMP__HOST"]


def password(config: Path) -> str:
    return load_settings(config).smtp.password.get_secret_value()


def test_the_password_s_sources_come_in_their_order(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "smtp-password").write_text("from-credentials\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert password(config) == "from-credentials"

    (tmp_path / "in-file").write_text("from-file\n")
    change(config, 'password_file = ""', 'password_file = "in-file"')
    assert password(config) == "from-file"

    (tmp_path / "by-variable").write_text("from-variable-file")
    monkeypatch.setenv("PUBLISHER_SMTP__PASSWORD_FILE", str(tmp_path / "by-variable"))
    assert password(config) == "from-variable-file"

    monkeypatch.delenv("PUBLISHER_SMTP__PASSWORD_FILE")
    monkeypatch.setenv("PUBLISHER_SMTP__PASSWORD", "from-variable")
    assert password(config) == "from-variable"


def test_two_sources_of_one_rank_are_an_error(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLISHER_SMTP__PASSWORD", "one")
    monkeypatch.setenv("PUBLISHER_SMTP__PASSWORD_FILE", "/two")
    assert any("both set" in problem for problem in problems_of(config))


def test_a_password_in_a_file_that_others_can_read_is_refused(config: Path) -> None:
    change(config, 'password = ""', 'password = "hunter2"')
    assert password(config) == "hunter2"

    config.chmod(0o644)
    (told,) = problems_of(config)
    assert "others can read" in told
    assert "hunter2" not in told


def test_a_password_file_that_cannot_be_read_is_named(config: Path) -> None:
    change(config, 'password_file = ""', 'password_file = "nowhere"')
    (told,) = problems_of(config)
    assert "nowhere: No such file" in told


def test_secrets_are_masked(config: Path) -> None:
    assert masked(load_settings(config))["smtp"]["password"] == ""
    change(config, 'password = ""', 'password = "hunter2"')
    settings = load_settings(config)
    assert masked(settings)["smtp"]["password"] == "********"
    assert "hunter2" not in repr(settings) + str(masked(settings))


def test_the_site_key_is_made_once_for_its_owner_only(config: Path, tmp_path: Path) -> None:
    settings = load_settings(config)
    assert create_site_key(settings, tmp_path)
    (key,) = read_site_keys(settings, tmp_path)

    assert not create_site_key(settings, tmp_path)
    assert read_site_keys(settings, tmp_path) == (key,)
    assert len(key) == 32
    path = tmp_path / "var" / "secret-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"x" * 31).decode(), "%%%"])
def test_a_short_or_damaged_key_is_refused(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("PUBLISHER_SECRET_KEY", text)
    with pytest.raises(ConfigError, match="at least 32 random bytes"):
        read_site_keys(load_settings(config), tmp_path)


def test_without_a_key_the_command_that_makes_one_is_named(config: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only a new site gets one, by `publisher init`") as told:
        read_site_keys(load_settings(config), tmp_path)
    for place in ("PUBLISHER_SECRET_KEY_FILE", "credentials", str(tmp_path / "var/secret-key")):
        assert place in str(told.value)


def test_where_a_key_comes_from_elsewhere_none_is_made(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret-key").write_text(base64.b64encode(b"k" * 32).decode())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert not create_site_key(load_settings(config), tmp_path)
    assert not (tmp_path / "var" / "secret-key").exists()


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)


@given(tables=st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers(), max_size=4), max_size=4))
def test_every_key_is_found_on_its_line(tables: dict[str, dict[str, int]]) -> None:
    lines: list[str] = []
    expected: dict[tuple[str | int, ...], int] = {}
    for table, values in tables.items():
        lines += ["# a comment = 1", f"[{table}]"]
        expected[(table,)] = len(lines)
        for name, value in values.items():
            lines.append(f"  {name} = {value}")
            expected[(table, name)] = len(lines)

    where = positions("\n".join(lines))

    assert {key: line for key, (line, _) in where.items()} == expected


def test_multi_line_strings_and_arrays_of_tables_do_not_mislead() -> None:
    text = 'a.b = 1\nlong = """\nx = 2\n"""\n[[list]]\ny = 3\n[[list]]\ny = 4\n'
    where = positions(text)
    assert where[("a", "b")] == (1, 1)
    assert where[("list", 1, "y")] == (8, 1)
    assert ("x",) not in where
    assert nearest_position(where, ("list", 1, "gone")) == (7, 1)
    assert nearest_position(where, ("nowhere",)) == (1, 1)


def test_a_rotated_key_comes_first_and_the_others_stay(config: Path, tmp_path: Path) -> None:
    settings = load_settings(config)
    create_site_key(settings, tmp_path)
    before = read_site_keys(settings, tmp_path)
    assert [rotate_site_key(settings, tmp_path) for _ in range(2)] == [2, 3]
    after = read_site_keys(settings, tmp_path)
    assert after[2:] == before
    assert len(set(after)) == 3
    path = tmp_path / settings.state.folder / "secret-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret-key"]


def test_a_key_that_comes_from_elsewhere_is_not_rotated_here(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(config)
    create_site_key(settings, tmp_path)
    path = tmp_path / settings.state.folder / "secret-key"
    before = path.read_text()
    monkeypatch.setenv("PUBLISHER_SECRET_KEY", before.strip())
    with pytest.raises(ConfigError, match="put this line before the others") as refused:
        rotate_site_key(settings, tmp_path)
    assert before.strip() not in str(refused.value)
    assert path.read_text() == before


def test_a_broken_key_file_is_not_made_worse(config: Path, tmp_path: Path) -> None:
    settings = load_settings(config)
    path = tmp_path / settings.state.folder / "secret-key"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("short\n")
    with pytest.raises(ConfigError, match="base64 of at least 32"):
        rotate_site_key(settings, tmp_path)
    assert path.read_text() == "short\n"


def test_instant_cannot_be_offered_beside_a_newsletter_that_counts_posts(config: Path) -> None:
    change(config, 'cadence = "weekly"', 'cadence = "posts"')

    (told,) = problems_of(config)

    assert "leave instant out" in told


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('folder = "public"', 'folder = "."', "config.toml"),
        ('folder = "public"', 'folder = ".."', "config.toml"),
        ('folder = "public"', 'folder = "var"', r"\[state\] folder"),
        ('folder = "public"', 'folder = "content"', "the posts as they are written"),
        ('folder = "var"', 'folder = "public/var"', r"\[state\] folder"),
        ('folder = "var"', 'folder = "public"', r"\[state\] folder"),
        ('password_file = ""', 'password_file = "public/word"', r"the password file of \[smtp\]"),
    ],
)
def test_nothing_that_is_ours_alone_may_lie_among_the_pages(
    config: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "word").write_text("hunter2")
    change(config, old, new)
    with pytest.raises(ConfigError, match=rf":\d+:1: feeds.folder: everybody could read {words}"):
        load_settings(config)


def test_pages_may_lie_in_a_folder_of_another_one(config: Path) -> None:
    change(config, 'folder = "public"', 'folder = "content/public"')
    assert load_settings(config).feeds.folder == "content/public"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PUBLISHER_WEB__PORT", "x"), ("PUBLISHER_SITE__TIMEZONE", "Mars"), ("PUBLISHER_SMTP", "[]")],
)
def test_a_variable_that_wins_over_the_file_is_the_one_to_mend(
    config: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    (told,) = problems_of(config)
    assert told.startswith(f"environment: {variable}: ")


@pytest.mark.parametrize(
    "variable",
    ["PUBLISHER_WEB__TRUSTED_PROXIES", "PUBLISHER_FEEDS__REDIRECTS", "PUBLISHER_NEWSLETTERS"],
)
def test_a_list_in_the_environment_that_is_no_json_is_told(
    config: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("PUBLISHER_WEB__HOST", "10.0.0.0/8")
    monkeypatch.setenv(variable, "10.0.0.0/8")
    (told,) = problems_of(config)
    assert told.startswith(f"environment: {variable}: a list or table is JSON here")


def test_the_password_of_a_further_relay_is_guarded_too(config: Path) -> None:
    relay = '\n[[relays]]\nname = "b"\nhost = "b.example.org"\npassword = "hunter2"\n'
    config.write_text(config.read_text(encoding="utf-8") + relay, encoding="utf-8")
    assert load_settings(config).relays[0].password.get_secret_value() == "hunter2"

    config.chmod(0o644)
    (told,) = problems_of(config)
    assert "relays.password stands in a file that others can read" in told
    assert "hunter2" not in told

    change(config, 'host = "b.example.org"', 'host = "b.example.org"\npassword_file = "word"')
    (told,) = problems_of(config)
    assert "both set" in told


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("start = 2025-10-01", "start = 0001-01-01"),
        ("start = 2025-10-01", "start = 9999-12-31T23:59:59-12:00"),
        ("expire_hours = 0", "expire_hours = 99999999"),
        ("per_hour = 0", "per_hour = 99999999999999999999"),
        ("pages_a_minute = 120", f"pages_a_minute = 1{'0' * 400}"),
        ('encoding = ""', 'encoding = "base64"'),
        ('ping_url = ""', 'ping_url = "https://"'),
    ],
)
def test_a_value_that_nothing_could_work_with_is_refused(config: Path, old: str, new: str) -> None:
    change(config, old, new)
    (told,) = problems_of(config)
    assert f".{old.partition(' ')[0]}: " in told


def test_a_file_may_begin_with_a_byte_order_mark(config: Path) -> None:
    config.write_text("\ufeff" + config.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_settings(config).site.since == 2025


@pytest.mark.parametrize("wanted", ["min_posts = 1", "every = 5"])
def test_a_newsletter_that_could_never_have_enough_posts_is_refused(
    config: Path, wanted: str
) -> None:
    name = wanted.partition(" ")[0]
    change(config, 'cadence = "weekly"', 'cadence = "posts"')
    change(config, '["instant", ', "[")
    change(config, wanted, f"{name} = 7")
    change(config, "max_posts = 0", "max_posts = 6")

    (told,) = problems_of(config)

    assert f"{name} is 7 and max_posts 6: no issue would ever have enough posts" in told
