"""Deleting log files that are old."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path


def delete_old_files(folder: Path, before: datetime) -> int:
    """Delete the files below a folder that were last written before a time, and the folders that
    are then empty. Return the number of files deleted.

    Safe while others write new files there, and to repeat.
    """
    oldest = before.timestamp()
    old: list[Path] = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime < oldest:
                old.append(path)
    deleted = 0
    # The deepest first, so that a folder comes after what is in it.
    for path in sorted(old, key=lambda path: len(path.parts), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):  # it is not empty
                path.rmdir()
        else:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted
