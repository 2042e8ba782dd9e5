import pytest
from starlette.testclient import TestClient

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
