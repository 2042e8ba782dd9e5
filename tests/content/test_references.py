"""Pictures and other posts, found where the generators look for them, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import pytest

from publisher.content.loader import load
from publisher.content.options import ContentOptions
from publisher.content.references import References, SourceIndex
from publisher.domain.posts import Post
from tests.factories import NOW, make_options, make_text

HEAD = "---\ntitle: T\ndate: 2025-01-02 03:04:05\n---\n"


@pytest.fixture
def options(tmp_path: Path) -> ContentOptions:
    folder = tmp_path / "source"
    for name in (
        "_posts/a/own.png", "_posts/beside.png", "images/site.png", "_posts/a/名 前.png",
        "../static/static.png", "../outside.png",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"png")
    return make_options(folder, permalink="p/:name/", roots=(tmp_path / "static",))


def read(options: ContentOptions, **bodies: str) -> dict[str, Post]:
    for name, body in bodies.items():
        (options.folder / "_posts" / f"{name}.md").write_text(HEAD + body, "utf-8")
    library = load(options, now=NOW)
    assert not library.failed
    return {post.path.rpartition("/")[2].removesuffix(".md"): post for post in library.posts}


@pytest.mark.parametrize(
    ("written", "public"),
    [
        ("own.png", "p/a/own.png"),
        ("a/own.png", "_posts/a/own.png"),
        ("./own.png?x=1#y", "p/a/own.png"),
        ("beside.png", "_posts/beside.png"),
        ("/images/site.png", "images/site.png"),
        ("images/site.png", "images/site.png"),
        ("/static.png", "static.png"),
        ("名%20前.png", "p/a/%E5%90%8D%20%E5%89%8D.png"),
        ("{static}/images/site.png", "images/site.png"),
    ],
)
def test_a_picture_is_found_and_published(
    options: ContentOptions, written: str, public: str
) -> None:
    post = read(options, a=f"![x]({written})")["a"]
    url = f"https://example.org/{public}"
    assert f'src="{url}"' in post.body.html
    assert [asset.url for asset in post.assets] == [url]
    assert Path(post.assets[0].source).read_bytes() == b"png"


@pytest.mark.parametrize(
    "written",
    ["../../outside.png", "/../outside.png", "/etc/hosts.png", "..%2F..%2Foutside.png",
     "a/../../../outside.png", "gone.png", "\0.png", "x" * 5000 + ".png"],
)  # fmt: skip
def test_nothing_outside_the_folders_is_ever_published(
    options: ContentOptions, written: str
) -> None:
    assert read(options, a=f"![x]({written})")["a"].assets == ()


def test_a_link_on_disk_does_not_lead_outside(options: ContentOptions) -> None:
    (options.folder / "images" / "link.png").symlink_to("../../outside.png")
    assert read(options, a="![x](/images/link.png)")["a"].assets == ()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("![x](gone.png)", "no such file"),
        ("![x](http://e.com/a.png)", "plain http"),
        ("![x](https://e.com/a.png?X-Amz-Signature=1)", "expires"),
        ("![x](C:\\\\a.png)", "own machine"),
        ("![x](file:///a.png)", "own machine"),
        ("![x](data:image/png;base64,AAAA)", "in the text itself"),
        ("{% post_link gone %}", "no such post"),
    ],
)
def test_a_picture_or_link_that_readers_cannot_follow_is_named_with_its_line(
    options: ContentOptions, body: str, problem: str
) -> None:
    (options.folder / "_posts" / "a.md").write_text(f"{HEAD}first\n\n{body}\n", "utf-8")
    (warned,) = load(options, now=NOW).warnings
    assert problem in warned.problem
    assert warned.path == "_posts/a.md"
    assert warned.line == 7
    assert warned.remedy


@pytest.mark.parametrize(
    "written",
    ["[x](b.md)", "[x](./b.md)", "[x](/_posts/b.md)", "[x](_posts/b.md)", "{% post_link b x %}",
     "[x]({% post_path b %})", "{% post_link b.md x %}", '{{< ref "b" >}}',
     '[x]({{< relref "b.md" >}})', "[x]({filename}b.md)", "[x]({% post_url b %})"],
)  # fmt: skip
def test_a_link_leads_to_the_page_of_the_other_post(options: ContentOptions, written: str) -> None:
    assert 'href="https://example.org/p/b/"' in read(options, a=written, b="b")["a"].body.html


def test_a_fragment_stays_and_a_post_that_nobody_may_read_is_not_linked(
    options: ContentOptions,
) -> None:
    html = read(options, a="[x](b.md#h)", b="b")["a"].body.html
    assert 'href="https://example.org/p/b/#h"' in html
    (options.folder / "_posts" / "b.md").write_text(f"{HEAD[:-4]}draft: true\n---\nb")
    html = load(options, now=NOW).posts[0].body.html
    assert "p/b/" not in html


def test_of_two_posts_of_one_name_the_one_beside_comes_first() -> None:
    one = make_text(f"{HEAD}b", "x/b.md", permalink=":title/").source
    two = make_text(f"{HEAD}b", "y/b.md", permalink=":title/").source
    index = SourceIndex([one, two])
    near = make_text(f"{HEAD}b", "y/a.md").source
    assert References(make_options(), near, index).post("b.md") == "https://example.org/y/b/"
    far = make_text(f"{HEAD}b", "z/a.md").source
    assert References(make_options(), far, index).post("b.md") == "https://example.org/x/b/"


def test_a_page_that_is_a_folder_is_linked_by_its_folder() -> None:
    source = make_text(f"{HEAD}b", "post/harbour/index.md", dialect="hugo").source
    assert SourceIndex([source])["harbour"] == "https://example.org/post/harbour/"


def test_a_picture_of_our_own_is_not_named_for_its_plain_http(options: ContentOptions) -> None:
    """The sanitiser may read twice what it wrote, as where a script was taken away."""
    body = "![](/images/site.png)\n\n`code` List<String>\n\n<script>x</script>"
    (options.folder / "_posts" / "p.md").write_text(HEAD + body, "utf-8")
    library = load(replace(options, base_url="http://localhost:8080"), now=NOW)
    assert "http://localhost:8080/images/site.png" in library.posts[0].body.html
    assert library.warnings == ()


def test_a_post_is_found_without_the_date_of_its_name_too() -> None:
    dated = make_text(HEAD + "b", "_posts/2025-01-02-hello.md").source
    found = SourceIndex([dated])
    assert found["hello"] == found["2025-01-02-hello"] == dated.url
    bare = make_text(HEAD + "b", "_posts/hello.md").source
    assert SourceIndex([dated, bare])["hello"] == bare.url
