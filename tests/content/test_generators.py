"""The configuration of an existing site says how its posts are read."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from publisher.bootstrap import open_app
from publisher.cli.main import run
from publisher.clock import system_clock
from publisher.content.folder import find
from publisher.content.generators import Habits, generator_of, read_habits
from publisher.content.loader import load
from publisher.content.places import Places
from publisher.errors import ConfigError
from tests.factories import NOW, make_options

SITES: dict[str, tuple[dict[str, str], Habits]] = {
    "hexo": (
        {
            "_config.yml": (
                "timezone: Asia/Tokyo\nlanguage: zh-TW\npermalink: p/:abbrlink.html\n"
                "default_category: notes\nnew_post_name: :year-:title.md\n"
                "encrypt:\n  tags:\n  - {name: 日记, password: x}\n  - {name: b}\n"
            ),
            "source/_posts/a.md": "",
        },
        Habits(
            dialect="hexo", folder=Path("source"), roots=(Path("source"),), zone="Asia/Tokyo",
            places=Places(generator="hexo"), naming=":year-:title",
            permalink="p/:abbrlink.html", language="zh-TW", default_category="notes",
            protected_tags=frozenset({"日记", "b"}),
        ),
    ),
    "jekyll": (
        {"_config.yml": "timezone: Europe/Berlin\npermalink: pretty\nlang: de\n", "Gemfile": ""},
        Habits(
            dialect="jekyll", folder=Path(), roots=(Path(),), zone="Europe/Berlin",
            permalink=":categories/:year/:month/:day/:title/", language="de",
            places=Places(generator="jekyll"),
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
            places=Places(generator="hugo"),
        ),
    ),
    "hugo, old name, yaml": (
        {
            "config.yaml": "contentDir: text\ntimezone: UTC+8\nparams: {mainSections: [post]}\n",
            "archetypes/a.md": "",
        },
        Habits(
            dialect="hugo", folder=Path("text"), roots=(Path("static"), Path("assets")),
            places=Places(generator="hugo", only=("post",)),
        ),
    ),
    "pelican": (
        {
            "pelicanconf.py": "import os\nTIMEZONE = 'Asia/Shanghai'\nDEFAULT_LANG = 'zh'\n"
            "PATH = 'text'\nARTICLE_URL = '{date:%Y}/{slug}.html'\nX = os.getcwd()\n"
            "ARTICLE_SAVE_AS = '{date:%Y}/{slug}/index.html'\n"
        },
        Habits(
            dialect="pelican", folder=Path("text"), roots=(Path("text"),), zone="Asia/Shanghai",
            permalink=":year/:slug.html", language="zh", naming=":title",
            places=Places(generator="pelican", but=("pages",)),
        ),
    ),
    "pelican, with folders of its own": (
        {
            "pelicanconf.py": "PAGE_PATHS = ['pages', 'about']\nARTICLE_PATHS = ('blog/',)\n"
            "ARTICLE_EXCLUDES = ['blog/old']\nARTICLE_SAVE_AS = '{slug}/index.html'\n"
            "SLUGIFY_SOURCE = 'basename'\n"
        },
        Habits(
            dialect="pelican", folder=Path("content"), roots=(Path("content"),),
            permalink=":slug/",
            places=Places(
                generator="pelican", only=("blog",), but=("pages", "about", "blog/old"),
            ),
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
        places=found.places,
        naming=found.naming,
        permalink=found.permalink,
        language=found.language,
        default_category=found.default_category,
        protected_tags=found.protected_tags,
    )
    assert below == expected


@pytest.mark.parametrize(
    ("line", "naming"),
    [
        ("", ":title"),
        ("SLUGIFY_SOURCE = 'title'", ":title"),
        ("SLUGIFY_SOURCE = 'basename'", ""),
        ("SLUGIFY_SOURCE = X", ""),
        ("SLUGIFY_USE_UNICODE = True", ""),
        ("SLUG_REGEX_SUBSTITUTIONS = [('a', 'b')]", ""),
    ],
)
def test_pelican_names_posts_by_title_unless_told_otherwise(
    line: str, naming: str, tmp_path: Path
) -> None:
    assert read_habits(lay(tmp_path, {"pelicanconf.py": line})).naming == naming


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


HEAD = "---\ntitle: T\ndate: 2025-01-02\n---\nbody"
PAGES: dict[str, tuple[dict[str, str], list[str], list[str]]] = {
    "hexo": (
        {"_config.yml": "", "scaffolds/x": ""},
        ["source/_posts/a.md", "source/_posts/b/c.md"],
        ["source/about/index.md", "source/e.md", "source/b/_posts/f.md"],
    ),
    "hexo, without a folder of posts": (
        {"_config.yml": "", "scaffolds/x": ""}, ["source/posts/a.md", "source/e.md"], [],
    ),
    "jekyll": (
        {"_config.yml": ""},
        ["_posts/2025-01-02-a.md", "_posts/x/2025-01-02-b.md", "sea/_posts/2025-01-02-c.md"],
        ["README.md", "about.md", "docs/install.md", "vendor/gems/x/_posts/2025-01-02-d.md"],
    ),
    "jekyll, with a source": (
        {"_config.yml": "source: src"}, ["src/_posts/2025-01-02-a.md"], ["src/about.md"],
    ),
    "jekyll, without posts": ({"_config.yml": ""}, [], ["about.md"]),
    "hugo": (
        {"hugo.toml": ""},
        ["content/posts/a.md", "content/notes/b/index.md", "content/notes/2025/c.md"],
        ["content/about.md", "content/search.zh.md", "content/now/index.md",
         "content/now/index.zh.md", "content/page/links.md"],
    ),
    "hugo, with main sections": (
        {"hugo.yaml": "Params: {MainSections: [Posts]}"},
        ["content/posts/a.md", "content/zh/posts/b.md"],
        ["content/projects/a.md", "content/about.md"],
    ),
    "hugo, with a main section that is not there": (
        {"hugo.yaml": "mainSections: blog"}, ["content/posts/a.md"], ["content/about.md"],
    ),
    "hugo, without sections": (
        {"hugo.toml": ""}, ["content/a.md", "content/b/index.md"], [],
    ),
    "pelican": (
        {"pelicanconf.py": ""}, ["content/a.md", "content/sea/b.md", "content/sea/pages/c.md"],
        ["content/pages/about.md"],
    ),
    "pelican, with folders of its own": (
        {"pelicanconf.py": "ARTICLE_PATHS = ['blog']\nARTICLE_EXCLUDES = ['blog/old']"},
        ["content/blog/a.md"], ["content/about.md", "content/blog/old/a.md"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_no_post(name: str, tmp_path: Path) -> None:
    """Nor is it an error: it need not have a date, nor be readable at all."""
    files, posts, pages = PAGES[name]
    lay(tmp_path, files)
    lay(tmp_path, dict.fromkeys(posts, HEAD) | dict.fromkeys(pages, HEAD))
    if pages:
        lay(tmp_path, {pages[0]: "---\ntitle: [\n---\n"})
    habits = read_habits(tmp_path)
    options = make_options(
        habits.folder, roots=habits.roots, places=habits.places, dialect=habits.dialect
    )
    library = load(options, now=NOW)
    found = [(habits.folder / post.path).relative_to(tmp_path).as_posix() for post in library.posts]
    assert found == sorted(posts)
    assert library.failed == ()
    assert find(options.folder, options.places) == [post.path for post in library.posts]


def test_a_folder_that_is_no_site_has_no_pages(tmp_path: Path) -> None:
    lay(tmp_path, {"_posts/a.md": HEAD, "about/index.md": HEAD, "e.md": HEAD})
    assert len(load(make_options(tmp_path), now=NOW).posts) == 3


def test_drafts_of_a_site_are_kept_back_as_drafts(tmp_path: Path) -> None:
    lay(tmp_path, {"_posts/a.md": HEAD, "_drafts/d.md": HEAD, "about.md": HEAD})
    for generator in ("hexo", "jekyll"):
        options = make_options(tmp_path, places=Places(generator=generator))
        assert [file.path for file in load(options, now=NOW).skipped] == ["_drafts/d.md"]


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
