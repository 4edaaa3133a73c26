"""Files of JSON lines."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from below_the_line.errors import BelowTheLineError


def numbered_lines(file: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number, from 1, and the text of each line that is not blank.

    ``file``: ``-`` for standard input. Raises BelowTheLineError if it cannot be read.
    """
    try:
        with ExitStack() as opened:
            if file == "-":
                lines: Iterable[bytes] = sys.stdin.buffer
            elif file.endswith(".gz"):
                lines = opened.enter_context(gzip.open(file))
            else:
                lines = opened.enter_context(Path(file).open("rb"))
            for number, line in enumerate(lines, 1):
                # Only the end of the line goes: other characters around the event belong to it.
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                if line.strip():
                    yield number, line
    except FileNotFoundError:
        raise BelowTheLineError(
            f"There is no file {file}.", "Give a file of JSON lines, or - for standard input."
        ) from None
    except IsADirectoryError:
        raise BelowTheLineError(
            f"{file} is a folder.", "Give a file of JSON lines, or - for standard input."
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BelowTheLineError(
            f"{file} cannot be read: {reason}.", "Check the file and its permissions."
        ) from None
