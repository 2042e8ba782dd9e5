"""DKIM: a domain answers for a message, and anybody can tell that it arrived as it was sent.

    header fields + body ──▶ sign(keys) ──▶ one DKIM-Signature field a key, to stand before them

RSA (RFC 6376) is what every receiver can verify; Ed25519 (RFC 8463) only some, so it comes beside
it, never alone. Canonicalisation is relaxed for header and body. Both List-Unsubscribe fields are
signed, as one-click unsubscribing wants it (RFC 8058, section 4); the fields in `OVERSIGNED` are
named once more than they occur, so that nobody can add a second one on the way.
"""

import re
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

RSA_BITS = 2048
"""RFC 8301, section 3.2; 4096 do not fit into one answer of the DNS everywhere."""

SIGNED = (
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "mime-version",
    "content-type",
    "feedback-id",
    "reply-to",
)
OVERSIGNED = frozenset({"from", "to", "subject", "list-unsubscribe", "list-unsubscribe-post"})

_CRLF = b"\r\n"
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?", re.ASCII)
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)\r\n")
_BLANKS = re.compile(rb"[ \t]+")
_TEXT_BYTES = 255  # of one character string (RFC 1035, section 3.3)
_LINE = 72

PrivateKey = RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a domain signs with; its public half stands at `selector`._domainkey.`domain`."""

    domain: str
    selector: str
    private: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A TXT record: `name` without a dot at its end, `value` in one piece."""

    name: str
    value: str

    def __str__(self) -> str:
        """The line for a zone file, the value in strings of at most 255 bytes."""
        starts = range(0, len(self.value), _TEXT_BYTES)
        strings = (f'"{self.value[start : start + _TEXT_BYTES]}"' for start in starts)
        return f"{self.name}. IN TXT ( {' '.join(strings)} )"


def generate_rsa() -> bytes:
    """A new RSA key as PEM (PKCS 8), not encrypted."""
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS))


def generate_ed25519() -> bytes:
    """A new Ed25519 key as PEM (PKCS 8), not encrypted."""
    return _pem(Ed25519PrivateKey.generate())


def load_key(pem: bytes, *, domain: str, selector: str) -> Key:
    """The key of a PEM file. Raises `ValueError` with a sentence that says what to do."""
    for name in (domain, selector):
        if not _NAME.fullmatch(name) or ".." in name:
            raise ValueError(f"{name!r} cannot be part of a name in the DNS")
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("the key is no unencrypted private key in PEM; make a new one") from None
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError("the key is neither RSA nor Ed25519; make a new one")
    if isinstance(private, RSAPrivateKey) and private.key_size < RSA_BITS:
        problem = f"the RSA key has {private.key_size} bits, and receivers distrust less than"
        raise ValueError(f"{problem} {RSA_BITS}; make a new one")
    return Key(domain=domain, selector=selector, private=private)


def dkim_record(key: Key) -> Record:
    """What must stand in the DNS before the first message is signed with this key."""
    if isinstance(key.private, Ed25519PrivateKey):  # RFC 8463, section 4.2: the bare 32 bytes
        public = key.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        public = key.private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
    return Record(
        name=f"{key.selector}._domainkey.{key.domain}",
        value=f"v=DKIM1; k={_kind(key)}; p={b64encode(public).decode()}",
    )


def sign(message: bytes, keys: Sequence[Key], *, at: datetime) -> bytes:
    """The DKIM-Signature fields of a message, one a key, in their order; to be put before it.

    `message` is a whole one with lines ended by CRLF; `at` is aware. The same input gives the
    same bytes. Raises `ValueError` for a message that cannot be signed.
    """
    head, separator, body = message.partition(_CRLF + _CRLF)
    if not separator:
        raise ValueError("the message has no empty line between header and body")
    names, canonical = _chosen(_fields(head + _CRLF))
    body_hash = b64encode(sha256(_relaxed_body(body)).digest()).decode()
    return b"".join(
        _signature(key, names, canonical, body_hash=body_hash, seconds=int(at.timestamp()))
        for key in keys
    )


def verify(signed: bytes, record: Record) -> bool:
    """Whether the signature by a record's selector holds for a message, as receivers find it.

    For our own form of signatures alone, to prove a key before it is used (sections 3.7 and 6.1).
    """
    head, _, body = signed.partition(_CRLF + _CRLF)
    fields = _fields(head + _CRLF)
    wanted = f" s={record.name.partition('.')[0]};".encode()
    own = next((each for each in fields.get("dkim-signature", []) if wanted in each), b"")
    unsigned, found, value = own.removesuffix(_CRLF).rpartition(b" b=")
    tags = dict(re.findall(rb"([a-z]+)=([^;]*)", unsigned))
    names = re.sub(rb"\s", b"", tags.get(b"h", b"")).decode("ascii").split(":")
    lines = b"".join(fields[name].pop(0) for name in names if fields.get(name))
    if not found or tags[b"bh"] != b64encode(sha256(_relaxed_body(body)).digest()):
        return False
    return _is_signed(lines + unsigned + b" b=", b64decode(value.replace(b" ", b"")), record)


def rsa_bits(public: str) -> int:
    """The size of an RSA key as it stands in the DNS (p=, base64); 0 where it is none."""
    try:
        key = load_der_public_key(b64decode(public, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return 0
    return key.key_size if isinstance(key, RSAPublicKey) else 0


def _is_signed(data: bytes, signature: bytes, record: Record) -> bool:
    public = b64decode(record.value.rpartition("p=")[2])
    try:
        if "k=ed25519" in record.value:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, sha256(data).digest())
        else:
            key = load_der_public_key(public)
            if not isinstance(key, RSAPublicKey):
                return False
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _signature(
    key: Key, names: Sequence[str], canonical: bytes, *, body_hash: str, seconds: int
) -> bytes:
    parts = [
        f"v=1; a={_kind(key)}-sha256; c=relaxed/relaxed;",
        f"d={key.domain}; s={key.selector}; t={seconds};",
        *_folded_names(names),
        f"bh={body_hash};",
    ]
    # Signed as its own relaxed form: unfolded, `b=` empty, no line end (section 3.7).
    own = "dkim-signature:" + " ".join([*parts, "b="])
    value = b64encode(_signed(key, canonical + own.encode("ascii"))).decode()
    lines = [value[start : start + _LINE] for start in range(0, len(value), _LINE)]
    lines[0] = "b=" + lines[0]
    folded = "\r\n ".join([*parts, *lines])
    return f"DKIM-Signature: {folded}\r\n".encode("ascii")


def _signed(key: Key, data: bytes) -> bytes:
    if isinstance(key.private, Ed25519PrivateKey):  # RFC 8463, section 3: signs the hash
        return key.private.sign(sha256(data).digest())
    return key.private.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _kind(key: Key) -> str:
    return "ed25519" if isinstance(key.private, Ed25519PrivateKey) else "rsa"


def _fields(head: bytes) -> dict[str, list[bytes]]:
    """Lower-case name -> relaxed fields, the last of the message first (section 5.4.2)."""
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    place = 0
    while place < len(head):
        match = _FIELD.match(head, place)
        if not match:
            raise ValueError(f"not a header field: {head[place : place + 60]!r}")
        name = match[1].decode("ascii").lower()
        value = _BLANKS.sub(b" ", match[2].replace(_CRLF, b"")).strip(b" ")
        found[name].insert(0, name.encode("ascii") + b":" + value + _CRLF)
        place = match.end()
    return found


def _chosen(fields: dict[str, list[bytes]]) -> tuple[list[str], bytes]:
    """The names for `h=` and the fields they stand for; a name too many stands for nothing."""
    if not fields.get("from"):
        raise ValueError("the message has no From, which must be signed (RFC 6376, section 5.4)")
    names, lines = [], []
    for name in SIGNED:
        present = fields.get(name, [])
        names += [name] * (len(present) + (name in OVERSIGNED))
        lines += present
    return names, b"".join(lines)


def _folded_names(names: Sequence[str]) -> list[str]:
    """`h=from:to:..;` in lines that fit."""
    lines = [f"h={names[0]}"]
    for name in names[1:]:
        if len(lines[-1]) + len(name) + 2 > _LINE:
            lines[-1] += ":"
            lines.append(name)
        else:
            lines[-1] += f":{name}"
    lines[-1] += ";"
    return lines


def _relaxed_body(body: bytes) -> bytes:
    """The body as section 3.4.4 has it; ours are in that form already."""
    if _is_relaxed(body):
        return body
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(_CRLF)]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + _CRLF for line in lines)


def _is_relaxed(body: bytes) -> bool:
    ends_once = body.endswith(_CRLF) and body[-3:-2] not in (b"", b"\n")
    return ends_once and not any(mark in body for mark in (b"  ", b"\t", b" \r\n"))


def _pem(private: PrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
