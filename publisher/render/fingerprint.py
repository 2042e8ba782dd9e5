"""What outputs were made by: our code, the templates, the libraries that write.

Outputs are made again only where their fingerprint changed. It covers the makers too, so that an
upgrade or an edited template is never overlooked, and nobody has to raise a number by hand.
"""

from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import msgspec

from publisher.render.templates import Templates

_PACKAGE = Path(__file__).parents[1]
_LIBRARIES = ("babel", "feedgen", "jinja2", "lxml")


def makers(templates: Templates) -> str:
    """A digest (hex) of all that makes feeds and pages out of values."""
    digest = sha256(_program().encode())
    digest.update(templates.fingerprint().encode())
    return digest.hexdigest()


def of_values(*values: object) -> str:
    """A digest (hex) of values, dataclasses among them, that is the same in any process."""
    return sha256(encoded(values)).hexdigest()


def encoded(value: object) -> bytes:
    """A value for `of_values` that many fingerprints have in common."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        return repr(value).encode("utf-8", "surrogatepass")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=repr)


@lru_cache(maxsize=1)
def _program() -> str:
    digest = sha256()
    for folder in ("domain", "render"):
        for path in sorted((_PACKAGE / folder).glob("*.py")):
            digest.update(path.read_bytes())
    for name in _LIBRARIES:
        digest.update(f"{name} {version(name)}".encode())
    return digest.hexdigest()
