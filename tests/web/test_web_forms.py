from collections.abc import Callable
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from publisher.services.app import App
from publisher.web.forms import language_of

HALF = b"+2D0-"  # UTF-7 for one half of a surrogate pair


@pytest.mark.parametrize(
    ("path", "field", "expected"),
    [
        ("/admin/login", "name", 401),
        ("/admin/login", "password", 401),
        ("/subscribe", "email", 422),
    ],
)
def test_half_a_character_is_no_fault_of_ours(
    client: TestClient, path: str, field: str, expected: int
) -> None:
    head = f'--x\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n'
    answer = client.post(
        path,
        content=head.encode() + HALF + b"\r\n--x--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=x; charset=utf-7"},
    )
    assert answer.status_code == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("en-GB", "en"),
        ("en-BUY.PILLS.ORG/x", "en"),
        ("en-\ud800", "en"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh-TW", "zh-Hant"),
        ("zh-0001", "zh"),
        ("de-AT", "de-AT"),  # the newsletter's own
        ("de", "fi"),
        ("x" * 5000, "fi"),
        ("", "fi"),
    ],
)
def test_only_a_tag_of_ours_comes_out_of_a_form(
    make_app: Callable[..., App], wanted: str, expected: str
) -> None:
    app = make_app()
    own = replace(
        app,
        site=replace(app.site, language="fi"),
        newsletters=(replace(app.newsletters[0], language="de-AT"),),
    )
    assert language_of(own, wanted) == expected
