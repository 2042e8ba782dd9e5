"""The configuration of an existing site says how its posts are read."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from publisher.bootstrap import open_app
from publisher.cli.main import run
from publisher.clock import system_clock
from publisher.content.generators import Habits, generator_of, read_habits
from publisher.content.loader import load
from publisher.errors import ConfigError
from tests.factories import NOW, make_options

SITES: dict[str, tuple[dict[str, str], Habits]] = {
    "hexo": (
        {
            "_config.yml": (
                "timezone: Asia/Tokyo\nlanguage: zh-TW\npermalink: p/:abbrlink.html\n"
                "default_category: notes\n"
                "encrypt:\n  tags:\n  - {name: 日记, password: x}\n  - {name: b}\n"
            ),
            "source/_posts/a.md": "",
        },
        Habits(
            dialect="hexo", folder=Path("source"), roots=(Path("source"),), zone="Asia/Tokyo",
            permalink="p/:abbrlink.html", language="zh-TW", default_category="notes",
            protected_tags=frozenset({"日记", "b"}),
        ),
    ),
    "jekyll": (
        {"_config.yml": "timezone: Europe/Berlin\npermalink: pretty\nlang: de\n", "Gemfile": ""},
        Habits(
            dialect="jekyll", folder=Path(), roots=(Path(),), zone="Europe/Berlin",
            permalink=":categories/:year/:month/:day/:title/", language="de",
        ),
    ),
    "hugo": (
        {
            "hugo.toml": 'languageCode = "en-gb"\ntimeZone = "Europe/London"\n'
            '[permalinks]\nposts = "/:year/:slug/"\n',
            "content/posts/a.md": "",
        },
        Habits(
            dialect="hugo", folder=Path("content"), roots=(Path("static"), Path("assets")),
            zone="Europe/London", permalink="/:year/:slug/", language="en-gb",
        ),
    ),
    "hugo, old name, yaml": (
        {"config.yaml": "contentDir: text\ntimezone: UTC+8\n", "archetypes/a.md": ""},
        Habits(dialect="hugo", folder=Path("text"), roots=(Path("static"), Path("assets"))),
    ),
    "pelican": (
        {
            "pelicanconf.py": "import os\nTIMEZONE = 'Asia/Shanghai'\nDEFAULT_LANG = 'zh'\n"
            "PATH = 'text'\nARTICLE_URL = '{date:%Y}/{slug}.html'\nX = os.getcwd()\n"
        },
        Habits(
            dialect="pelican", folder=Path("text"), roots=(Path("text"),), zone="Asia/Shanghai",
            permalink=":year/:slug.html", language="zh",
        ),
    ),
}  # fmt: skip


def lay(site: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, "utf-8")
    return site


@pytest.mark.parametrize("name", SITES)
def test_a_site_says_where_when_and_under_which_address(name: str, tmp_path: Path) -> None:
    files, expected = SITES[name]
    found = read_habits(lay(tmp_path, files))
    assert found.dialect == generator_of(tmp_path)
    below = Habits(
        dialect=found.dialect,
        folder=found.folder.relative_to(tmp_path),
        roots=tuple(root.relative_to(tmp_path) for root in found.roots),
        zone=found.zone,
        permalink=found.permalink,
        language=found.language,
        default_category=found.default_category,
        protected_tags=found.protected_tags,
    )
    assert below == expected


def test_nothing_of_a_python_configuration_is_run(tmp_path: Path) -> None:
    text = f"open({str(tmp_path / 'run')!r}, 'w')\nTIMEZONE = 'UTC'\n"
    assert read_habits(lay(tmp_path, {"pelicanconf.py": text})).zone == "UTC"
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_site_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"content\.site"):
        read_habits(tmp_path)


@pytest.mark.parametrize(
    "files",
    [
        {"_config.yml": "a: [", "source/a.md": ""},
        {"hugo.toml": "a = ", "content/a.md": ""},
        {"pelicanconf.py": "a = ("},
        {"hugo.json": "{", "content/a.md": ""},
    ],
    ids=lambda files: next(iter(files)),
)
def test_a_configuration_that_cannot_be_read_is_named(
    files: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=next(iter(files))):
        read_habits(lay(tmp_path, files))


def test_of_a_hexo_site_only_posts_and_drafts_are_posts(tmp_path: Path) -> None:
    head = "---\ntitle: T\ndate: 2025-01-02\n---\nbody"
    site = lay(tmp_path, {
        "_config.yml": "", "source/_posts/a.md": head, "source/_posts/b/c.md": head,
        "source/_drafts/d.md": head, "source/about/index.md": head, "source/e.md": head,
    })  # fmt: skip
    habits = read_habits(site)
    options = make_options(habits.folder, roots=habits.roots)
    before = options.fingerprint()
    library = load(options, now=NOW)
    assert [post.path for post in library.posts] == ["_posts/a.md", "_posts/b/c.md"]
    assert [file.path for file in library.skipped] == ["_drafts/d.md"]
    assert len(load(make_options(habits.folder), now=NOW).posts) == 4  # no site, but a folder
    (site / "source" / "_posts").rename(site / "source" / "posts")
    assert options.fingerprint() != before
    assert len(load(options, now=NOW).posts) == 4


def test_content_site_takes_everything_over(tmp_path: Path) -> None:
    files = dict(SITES["hexo"][0])
    files["source/_posts/a.md"] = (
        "---\ntitle: A\ndate: 2025-01-02 00:30:00\nabbrlink: 00001\n---\n![x](/images/q.png)\n"
    )
    files["source/_posts/b.md"] = "---\ntitle: B\ndate: 2025-01-02\ntags: [日记]\n---\nbody"
    files["source/images/q.png"] = "png"
    lay(tmp_path / "blog", files)
    assert run(["init", str(tmp_path / "site"), "--empty"]) == 0
    config = tmp_path / "site" / "config.toml"
    text = config.read_text("utf-8").replace('\nsite = ""', f'\nsite = "{tmp_path / "blog"}"')
    config.write_text(text, "utf-8")
    from publisher.services import posts

    with open_app(config, clock=system_clock) as app:
        library = posts.read(app, now=app.clock())
    (post,) = library.posts
    assert post.published.tzinfo == ZoneInfo("Asia/Tokyo")
    assert post.url.endswith("/p/1.html")
    assert post.language == "zh-TW"
    assert "/images/q.png" in post.body.html
    assert [asset.url for asset in post.assets] == [post.url.replace("p/1.html", "images/q.png")]
    assert [skipped.reason for skipped in library.skipped] == ["protected"]
