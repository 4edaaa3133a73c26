"""The edge of the command line: what a command cannot write becomes one line, not a traceback."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from rich.console import Console

from below_the_line.files import explain


class _ReaderGoneError(Exception):
    """Nobody reads the output any more, as after ``btl … | head``."""


@contextmanager
def guarded() -> Iterator[None]:
    """Turn errors of files and of standard output into a BelowTheLineError, where no command did.

    Output that nobody reads any more ends the process with the exit status of the command where it
    is known by then (`ends_with`), else with 0.
    """
    for number in range(3):
        # A closed one would be given to the next file or connection.
        with suppress(OSError):
            if not _is_open(number):
                os.open(os.devnull, os.O_RDWR)
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    # Also for consoles of libraries, which would end the process with exit status 1.
    setattr(Console, "on_broken_pipe", _reader_gone)  # noqa: B010 - for the type checker
    try:
        try:
            yield
        except SystemExit as ended:
            if isinstance(ended.code, int):
                ends_with(ended.code)
            raise
        finally:
            # Now, and not at the end of the process, where nobody could say what went wrong.
            sys.stdout.flush()
    except (BrokenPipeError, _ReaderGoneError):
        _drop_output()
        sys.exit(_known_status[0])
    except OSError as error:
        # Commands name the other files that they write.
        explained = explain(error, "Standard output") if error.errno != errno.ENOENT else None
        if explained is None:
            raise
        _drop_output()
        raise explained from None


_known_status = [0]


def ends_with(status: int) -> None:
    """Say which exit status the command has, before it prints what nobody may read to the end."""
    _known_status[0] = status


@contextmanager
def readers() -> Iterator[None]:
    """Pass a broken pipe to ``guarded``, by an error that typer does not know."""
    try:
        yield
    except BrokenPipeError:
        raise _ReaderGoneError from None


def _reader_gone(_: Console) -> None:
    raise _ReaderGoneError


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _drop_output() -> None:
    """Let the rest of the output go nowhere: it would fail once more as the process ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
