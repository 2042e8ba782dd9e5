"""The post with which everything began, and the whole library, in every zone and every process."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json, sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo
from publisher.content.loader import load
from publisher.content.options import ContentOptions

if __name__ == "__main__":
    cache = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    library = load(
        ContentOptions(folder=Path(sys.argv[1]), zone=ZoneInfo("Asia/Shanghai"), cache=cache,
                       base_url="https://example.org", language="zh-CN", dialect="hexo",
                       protected_tags=frozenset({"a", "b", "c", "d"})),
        now=datetime(2026, 11, 24, tzinfo=UTC),
    )
    post = next(post for post in library.posts if post.path == "依恋.md")
    print(json.dumps({
        "id": post.id, "title": post.title, "published": post.published.isoformat(),
        "updated": post.updated.isoformat(), "tags": post.tags, "categories": post.categories,
        "keywords": post.keywords, "description": post.description, "url": post.url,
        "excerpt": post.excerpt.text, "headings": post.body.html.count("</h"),
        "is_manual": post.excerpt.is_manual,
        "all": sha256(repr(library).replace(sys.argv[1], "").encode()).hexdigest(),
    }))
"""


def read(tmp_path: Path, *arguments: Path, **environment: str) -> dict[str, object]:
    """The founding post as a process of its own reads it, and a digest of the whole library."""
    script = tmp_path / "read.py"
    script.write_text(SCRIPT, "utf-8")
    values = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, script, *arguments], env=values, capture_output=True, check=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "content", tmp_path / "posts"))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/St_Johns", "Pacific/Kiritimati"])
def test_the_founding_post_says_the_same_in_every_zone(
    tmp_path: Path, posts: Path, zone: str
) -> None:
    found = read(tmp_path, posts, TZ=zone)
    assert found["id"] == "a1b2c3d4-e5f6-7a8b-9c0d-1e2f3g4h5i6j"
    assert found["title"] == "依恋：生命深处的温柔呼唤，与你共赴一场心的旅程"
    assert found["published"] == found["updated"] == "2025-10-11T06:16:29+08:00"
    assert found["tags"] == ["依恋", "情感", "成长", "关系", "自我疗愈", "心理"]
    assert found["categories"] == [["情感生活", "内心成长"]]
    assert found["keywords"] == ["依恋模式", "亲密关系", "安全感", "情感连接", "自我接纳"]
    assert str(found["description"]).startswith(
        "在这喧嚣的世界里，我们每个人心底都藏着一份对“依恋”的渴望。"
    )
    assert str(found["description"]).endswith("并勇敢地走向更深层的连接。")
    assert found["url"] == "https://example.org/2025/10/11/%E4%BE%9D%E6%81%8B/"
    assert found["headings"] == 5
    assert not found["is_manual"]
    assert str(found["excerpt"]).startswith("夜幕低垂，万籁俱寂，只有心跳声在耳边轻柔回响。")
    assert str(found["excerpt"]).endswith(("。", "…"))


ENVIRONMENTS = [
    {"PYTHONHASHSEED": "1", "TZ": "America/St_Johns", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "2", "TZ": "Asia/Shanghai", "LC_ALL": "C.UTF-8", "LANG": "tr_TR.UTF-8"},
    {"PYTHONHASHSEED": "3", "TZ": "UTC", "LC_ALL": "POSIX"},
]


def test_the_library_is_the_same_in_every_process(tmp_path: Path, posts: Path) -> None:
    """Other hash seeds, zones, locales; another order of files on the disk; other mtimes; warm."""
    found = [read(tmp_path, posts, **values) for values in ENVIRONMENTS]
    again = tmp_path / "again"
    again.mkdir()
    for number, path in enumerate(sorted(posts.rglob("*"), reverse=True)):
        target = again / path.relative_to(posts)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            shutil.copyfile(path, target)
            os.utime(target, (number, number))
    cache = tmp_path / "cache"
    found += [read(tmp_path, again, cache, **values) for values in ENVIRONMENTS]
    assert len({json.dumps(one, sort_keys=True) for one in found}) == 1


def test_the_founding_post_in_the_sample_is_the_document_byte_for_byte() -> None:
    seed = Path(__file__).resolve().parents[3] / "shared" / "seed" / "依恋.md"
    if not seed.is_file():
        pytest.skip("the document is not on this machine")
    digest = hashlib.sha256((ROOT / "content" / "依恋.md").read_bytes()).hexdigest()
    assert digest == hashlib.sha256(seed.read_bytes()).hexdigest()
