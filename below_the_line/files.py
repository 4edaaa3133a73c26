"""Files that are written: private where they hold what readers wrote, and errors in words."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from below_the_line.errors import BelowTheLineError

_HINTS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Make room there, or choose another place."),
    errno.EFBIG: "Raise the limit (ulimit -f), or choose another place.",
    errno.EROFS: "It can only be read: choose another place.",
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM), "Check its permissions and owner, or choose another place."
    ),
    errno.EIO: "Check the disk.",
    errno.EMFILE: "Raise the limit (ulimit -n).",
    **dict.fromkeys(
        (errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP), "Choose another place."
    ),
}
"""What to do, by the error of a file. Other errors of the system are defects."""


@contextmanager
def writing(place: object) -> Iterator[None]:
    """Turn an error of a file into a BelowTheLineError that names the file.

    ``place``: the name of what is written, for errors of the system that name nothing. Errors of
    connections and defects pass.
    """
    try:
        yield
    except OSError as error:
        explained = explain(error, place)
        if explained is None:
            raise
        raise explained from None


def explain(error: OSError, place: object) -> BelowTheLineError | None:
    """Return the error in words; None: it is a defect. ``place`` as for ``writing``."""
    hint = _HINTS.get(error.errno or 0)
    if error.errno == errno.ENOENT and error.filename is not None:
        hint = "Create its folder, or choose another place."
    if hint is None:
        return None
    named = place if error.filename is None else os.fsdecode(error.filename)
    return BelowTheLineError(f"{named} cannot be written: {error.strerror}.", hint)


def open_private(path: Path) -> IO[bytes]:
    """Open a file for what readers wrote, replacing what it held: only its owner may read it,
    whatever the umask says, and also where it had other permissions.

    A pipe or a device is opened as it is. Raises OSError.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        # Not of somebody else's file that may be written: its owner decides.
        with suppress(PermissionError):
            os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "wb")
