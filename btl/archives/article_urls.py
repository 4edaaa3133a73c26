"""Addresses of articles: from paths, and as ids."""

from hashlib import sha256

from below_the_line.errors import BelowTheLineError
from btl.archives.records import MAX_ID_BYTES

_DIGEST_CHARACTERS = 16


def absolute_url(base_url: str | None, address: str, file: str) -> str:
    """Return an address with its host: itself, or the path after ``base_url``.

    Raises BelowTheLineError if it is a path and there is no ``base_url``.
    """
    if address.startswith(("https://", "http://")):
        return address
    if base_url is None:
        raise BelowTheLineError(
            f"{file} has paths such as {address[:100]!r} and no host.",
            "Name what stands before them: --base-url https://your.site",
        )
    return f"{base_url.rstrip('/')}/{address.lstrip('/')}"


def article_id_of(address: str) -> str:
    """Return the id of an article that is named by its address: the address itself. One that is too
    long for an id is its beginning, with a digest of the whole.
    """
    encoded = address.encode()
    if len(encoded) <= MAX_ID_BYTES:
        return address
    digest = sha256(encoded).hexdigest()[:_DIGEST_CHARACTERS]
    beginning = encoded[: MAX_ID_BYTES - 1 - _DIGEST_CHARACTERS].decode(errors="ignore")
    return f"{beginning}~{digest}"
