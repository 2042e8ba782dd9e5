"""Text that any XML or JSON parser takes."""

import re
from functools import lru_cache

from publisher.domain.feeds import Entry

# C0 but TAB, LF and CR, DEL, C1 but NEL, U+FFFD, non-characters, halves of pairs: XML forbids or
# validators warn, and one of them makes a whole feed unreadable.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff\ud800-\udfff]"
)


def clean(text: str) -> str:
    """The text without control characters; U+0085 (next line) becomes a line feed."""
    return _UNWANTED.sub("", text).replace("\x85", "\n")


@lru_cache(maxsize=128)
def content_of(entry: Entry) -> str:
    """The content of an entry, for all formats of a feed and the next feeds that hold it."""
    return clean(entry.html)
