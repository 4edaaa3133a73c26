"""The key of erasures: pseudonyms in place of ids, keyed digests in place of digests.

HMAC (RFC 2104) with SHA-256. The key stands outside of the database (``BTL_ERASURE_KEY``) and stays
the same for ever: with another one, a replayed event of an erased person would not be recognised.
"""

import hmac
from typing import Final, Literal

from pydantic import SecretStr

from below_the_line.errors import BelowTheLineError

PersonKind = Literal["user", "reporter"]
"""``user``: a signed-in person, by user id; ``reporter``: one who was not, by anonymous id."""

PSEUDONYM_PREFIX: Final = "erased:"
MIN_KEY_CHARACTERS: Final = 16


class ErasureKey:
    """One key. Immutable; threads may share it. Its text never shows in a message."""

    __slots__ = ("_key", "check")

    def __init__(self, text: str) -> None:
        """Raises BelowTheLineError for a key of fewer than 16 characters, which could be
        guessed.
        """
        if len(text) < MIN_KEY_CHARACTERS:
            raise BelowTheLineError(
                f"BTL_ERASURE_KEY is too short: it has {len(text)} characters.",
                f"Use at least {MIN_KEY_CHARACTERS}, by chance, such as those of `openssl rand -hex"
                " 32`.",
            )
        self._key = text.encode()
        self.check = self._hmac(b"check")[:8].hex()
        """16 hexadecimal digits that prove the key, and do not give it away. They are kept with the
        first pseudonym.
        """

    def __repr__(self) -> str:
        """Return a text without the key."""
        return f"ErasureKey(check={self.check!r})"

    def pseudonym(self, kind: PersonKind, person_id: str) -> str:
        """Return what stands in place of a person's id: one for each id, the same for ever.

        ``erased:`` and 32 hexadecimal digits. Any text has one, also one with half surrogates,
        which is nobody's id: a rejected record may hold such.
        """
        text = person_id.encode("utf-8", "surrogatepass")
        return f"{PSEUDONYM_PREFIX}{self._hmac(kind.encode(), text)[:16].hex()}"

    def keyed(self, digest: bytes) -> bytes:
        """Return 32 bytes in place of the digest of an erased event: without the key they confirm
        no guessed text.
        """
        return self._hmac(b"digest", digest)

    def _hmac(self, *parts: bytes) -> bytes:
        return hmac.digest(self._key, b"\n".join(parts), "sha256")


def given_key(text: SecretStr | None) -> ErasureKey | None:
    """Return the key of the settings (``Settings.erasure_key``); None: none is set. Raises
    BelowTheLineError for one that is too short.
    """
    return None if text is None else ErasureKey(text.get_secret_value())


def required_key(text: str | None, why: str) -> ErasureKey:
    """Return the key. Raises BelowTheLineError if none is set; ``why`` says what needs it, as a
    sentence.
    """
    if not text:
        raise BelowTheLineError(
            f"{why} BTL_ERASURE_KEY is not set.",
            "Set it to the key of this installation: the local stack has it in `btl env`; on"
            " servers of your own it is in your secrets (docs/erasure.md).",
        )
    return ErasureKey(text)


def key_problem(key: ErasureKey, kept_check: str | None) -> str | None:
    """Return what is wrong with a key, as a sentence; None if it is the one of the pseudonyms in
    the database, or if there are none yet. ``kept_check``: ``ingest.erasures_version.key_check``.
    """
    if kept_check is None or hmac.compare_digest(kept_check, key.check):
        return None
    return (
        "BTL_ERASURE_KEY is not the key that made the pseudonyms of this database: erased people"
        " would not be recognised."
    )


def keyed_version(key: ErasureKey, version: bytes) -> bytes:
    """Return the version of an erased event (``contracts.events.order_key``): its digest, the last
    32 bytes, is keyed; its order by time, id and source stays.
    """
    return version[:-32] + key.keyed(version[-32:])


def time_of(version: bytes) -> int:
    """Return an event's time, in microseconds since 1970, from its version."""
    return int.from_bytes(version[:8], "big") - (1 << 63)
