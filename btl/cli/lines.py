"""Files of JSON lines, as the command line takes them."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from below_the_line.errors import BelowTheLineError


def numbered_lines(file: str) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers from 1. Raises BelowTheLineError for a file
    that can't be read.
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
                # Without its end only: anything else around the event is judged with it.
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
