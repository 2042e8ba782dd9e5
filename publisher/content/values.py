"""The values of front matter: text as the writer typed it, lists and maps of it."""

from collections.abc import Mapping
from datetime import UTC

from publisher.content.dates import parse_date

Value = str | None | list["Value"] | dict[str, "Value"]
Fields = Mapping[str, Value]
"""Field name in lower case -> value."""

PROTECTING = ("password", "encrypt", "encrypted", "enc_pwd", "private", "secret")
HIDING = ("hidden", "hide", "unlisted", "hiddenfromhomepage", "hiddenfromrss")
KEEPING = frozenset({*PROTECTING, *HIDING, "draft", "eleventyexcludefromcollections"})
"""Marks that keep a post back: where one stands twice, the one that is set counts."""

MARKS = KEEPING | {"published", "status"}
"""All of a file's fields that say who may read it."""

FALSE = frozenset({"false", "no", "off", "0", "n", "f", "none", ""})
TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})


class Plain(str):
    """A scalar that stood without quotes; two generators read those in their own way."""

    __slots__ = ()


def is_set(value: Value) -> bool:
    """Whether a mark is given and not clearly false. Null and absent are not given."""
    return value is not None and (not isinstance(value, str) or value.strip().lower() not in FALSE)


def withholds(name: str, value: Value) -> bool:
    """Whether a value of `published` or `status` keeps the post back: only a clear yes does not.

    `published` may hold a date, which is one.
    """
    if value in (None, ""):
        return False
    if not isinstance(value, str):
        return True
    text = value.strip().lower()
    if name == "status":
        return text not in {"published", "publish", ""}
    return text not in TRUE and parse_date(value, UTC) is None


def look_up(fields: Fields, name: str) -> Value:
    """The value of a field; `cover.image` looks into a map."""
    head, _, rest = name.partition(".")
    value = fields.get(head)
    if not rest:
        return value
    if not isinstance(value, dict):
        return None
    return look_up({key.lower(): item for key, item in value.items()}, rest)


def texts(value: Value) -> tuple[str, ...]:
    """The texts of a scalar or a list, trimmed, none empty, none twice, in their order."""
    items = value if isinstance(value, list) else [value]
    found = (item.strip() for item in items if isinstance(item, str))
    return tuple(dict.fromkeys(text for text in found if text))


def the_stricter(key: str, first: Value, second: Value) -> Value:
    """Of two values of one key the last that is not empty; of marks the one that keeps back."""
    name = key.lower()
    if name in KEEPING and name != "password":  # of which `0` is one, like any other text
        return second if is_set(second) or not is_set(first) else first
    if name in {"published", "status"} and withholds(name, first):
        return first
    return first if second in (None, "", []) else second
