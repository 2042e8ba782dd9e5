"""URLs as a message may use them."""

from urllib.parse import SplitResult, urlsplit

_MAX_HOST = 253  # characters of a name; the codec takes quadratic time for more


def split(url: str) -> SplitResult | None:
    """The parts of a URL, None where it is none at all."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts


def is_web(url: str) -> bool:
    """Whether a URL is http or https with a host."""
    parts = split(url)
    return bool(parts and parts.scheme in ("http", "https") and parts.hostname)


def is_secure(url: str) -> bool:
    """Whether a URL is https, or leads to this machine only, as in a rehearsal."""
    parts = split(url)
    if not parts or not is_web(url):
        return False
    host = parts.hostname or ""
    is_local = host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
    return parts.scheme == "https" or is_local


def host_of(url: str) -> str:
    """The host in lower case without `www.`, in ASCII (RFC 3490); "" where there is none."""
    parts = split(url)
    host = (parts.hostname or "").removeprefix("www.") if parts else ""
    if host.isascii() or len(host) > _MAX_HOST:
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
