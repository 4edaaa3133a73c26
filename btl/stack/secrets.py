"""Secrets of the local stack, one file each, readable by the owner only: generated on first use,
and kept until somebody rotates them. The key of erasures is kept for ever.
"""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from btl.stack.erasure import ERASURE_SECRET


def _token() -> str:
    return secrets.token_urlsafe(24)  # letters, digits, - and _: no escaping needed in a URL


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _admin_password() -> str:
    return secrets.token_urlsafe(9)  # typed by a person


def _long_key() -> str:
    return secrets.token_urlsafe(32)  # 256 bits, as many as the digests that it makes


_KINDS: dict[str, Callable[[], str]] = {
    "airflow_fernet_key": _fernet_key,
    "airflow_admin": _admin_password,
    ERASURE_SECRET: _long_key,
}


def secret(folder: Path, name: str) -> str:
    """Return the secret of that name. It is generated on first use.

    Two processes that ask at the same time get the same one.
    """
    path = folder / name
    if not path.exists():
        scratch = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        write_private(scratch, generate(name))
        try:
            os.link(
                scratch, path
            )  # unlike a rename it never replaces a secret that is already in use
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
    return path.read_text(encoding="utf-8").strip()


def rotate(folder: Path, name: str) -> None:
    """Replace the secret of that name by a new one."""
    write_private(folder / name, generate(name))


def generate(name: str) -> str:
    """Return a new secret of the kind that this name needs."""
    return _KINDS.get(name, _token)()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step.

    A reader sees either the old text or the new one.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)
