"""The user that runs Postgres, which rejects root, and its access to files that only root may
reach.

A checkout often lies under /root, which no other user may enter. The usual solution would be to
open that folder to everybody. Instead, the unprivileged process keeps one capability: to search and
read what file permissions would hide from it.
"""

import ctypes
import os
import pwd
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from below_the_line.errors import BelowTheLineError

_USERS = ("postgres", "nobody")

# Numbers of linux/capability.h and linux/prctl.h.
_READ_SEARCH, _OVERRIDE = 2, 1
_VERSION_3 = 0x20080522
_KEEP_CAPABILITIES, _AMBIENT, _AMBIENT_RAISE = 8, 47, 2


@dataclass(frozen=True)
class Identity:
    """User and group to become, and the capability to keep (its number in linux/capability.h)."""

    uid: int
    gid: int
    capability: int | None = None


def closed_folder(path: Path, uid: int, gid: int) -> Path | None:
    """Return the first folder on the way to ``path`` (included) that this user may not enter, or
    None.
    """
    for folder in [*reversed(path.parents), path]:
        try:
            found = folder.stat()
        except FileNotFoundError:
            return None  # the stack creates it, and makes it enterable
        if found.st_uid == uid:
            allowed = found.st_mode & stat.S_IXUSR
        elif found.st_gid == gid:
            allowed = found.st_mode & stat.S_IXGRP
        else:
            allowed = found.st_mode & stat.S_IXOTH
        if not allowed:
            return folder
    return None


def permitted_capabilities(status: Iterable[str]) -> int:
    """Return the permitted capabilities in the lines of a /proc/PID/status, as a bit mask."""
    for line in status:
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0


def unprivileged(data: Path, needed: Sequence[Path]) -> Identity | None:
    """Return the user that a server must run as that rejects root: None unless this process is
    root.

    ``data`` is the server's data folder; if it exists, its owner is used again. ``needed`` are the
    folders that the server must reach. Raises BelowTheLineError if it cannot.
    """
    if os.geteuid() != 0:
        return None
    try:
        owner = data.stat()
        user = pwd.getpwuid(owner.st_uid) if owner.st_uid else _unprivileged_user()
    except (FileNotFoundError, KeyError):
        user = _unprivileged_user()
    for path in needed:
        closed = closed_folder(path, user.pw_uid, user.pw_gid)
        if closed is not None:
            return Identity(user.pw_uid, user.pw_gid, _capability(closed, user.pw_name))
    return Identity(user.pw_uid, user.pw_gid)


def _unprivileged_user() -> pwd.struct_passwd:
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise BelowTheLineError(
        "Postgres rejects running as root, and there is no user `postgres` or `nobody` to run"
        " it as.",
        "Run `btl` as an ordinary user.",
    )


def _capability(closed: Path, user: str) -> int:
    try:
        with Path("/proc/self/status").open(encoding="ascii") as status:
            permitted = permitted_capabilities(status)
    except OSError:
        permitted = 0
    for capability in (_READ_SEARCH, _OVERRIDE):
        if permitted >> capability & 1:
            return capability
    raise BelowTheLineError(
        f"Postgres rejects running as root, and the user `{user}` may not enter {closed}.",
        "Set BTL_HOME to a folder that others may enter (and install there), or run `btl` as an"
        " ordinary user.",
    )


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def become(identity: Identity) -> None:
    """Turn this process into another user for good, and keep the identity's capability if it names
    one.

    Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True) if identity.capability is not None else None
    if libc is not None:
        _check(libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(identity.gid, identity.gid, identity.gid)
    os.setresuid(identity.uid, identity.uid, identity.uid)
    if libc is None or identity.capability is None:
        return
    mask = 1 << identity.capability
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)(_Sets(mask, mask, mask), _Sets(0, 0, 0))
    _check(libc.capset(ctypes.byref(header), ctypes.byref(sets)))
    _check(
        libc.prctl(_AMBIENT, _AMBIENT_RAISE, identity.capability, 0, 0)
    )  # ambient: it survives the exec


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
