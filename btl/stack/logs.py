"""Follow log files that grow and are rotated."""

import time
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path

from btl.stack.supervisor import last_lines


def tail(paths: Sequence[Path], *, lines: int, follow: bool) -> Iterator[tuple[Path, str]]:
    """Yield the last ``lines`` of each file and, with ``follow``, each line that is added later.

    Rotated files are followed, too.
    """
    opened: dict[Path, BufferedReader] = {}
    for path in paths:
        if follow:
            opened[path] = path.open("rb")
            opened[path].seek(0, 2)
        if lines:
            yield from ((path, line) for line in last_lines(path, lines))
    rest = dict.fromkeys(opened, b"")
    try:
        while follow:
            quiet = True
            for path, file in opened.items():
                data = file.read()
                if data:
                    quiet = False
                    *whole, rest[path] = (rest[path] + data).split(b"\n")
                    yield from ((path, line.decode("utf-8", "replace")) for line in whole)
                elif _rotated(path, file):
                    file.close()
                    opened[path] = path.open("rb")
            if quiet:
                time.sleep(0.2)
    finally:
        for file in opened.values():
            file.close()


def _rotated(path: Path, file: BufferedReader) -> bool:
    import os

    try:
        return path.stat().st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False
