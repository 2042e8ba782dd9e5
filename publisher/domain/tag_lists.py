"""Lists of `tag=value`, as records of DKIM and DMARC are written (RFC 6376, section 3.2)."""

import re
from collections.abc import Iterator

_TAG = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9_]*)\s*=\s*([^;]*?)\s*", re.DOTALL)


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """Each tag as written, with its value, in order. Raises `ValueError` for what is none, and for
    a tag that stands there twice."""
    seen = set()
    for part in filter(None, (part.strip() for part in text.split(";"))):
        match = _TAG.fullmatch(part)
        if not match:
            raise ValueError(f"{part!r} is no tag=value")
        if match[1].lower() in seen:
            raise ValueError(f"{match[1]}= stands there twice")
        seen.add(match[1].lower())
        yield match[1], match[2]
