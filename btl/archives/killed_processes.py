"""A process of an import that ends before it has answered, in words."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from below_the_line.errors import BelowTheLineError

_SECONDS_TO_END = 15.0


@contextmanager
def speaking_with(process: BaseProcess, does: str) -> Iterator[None]:
    """Say in words that the process at the other end has ended: for reading and writing its pipe.

    ``does``: what it does, such as ``checks records``. Raises BelowTheLineError if a signal ended
    it, and RuntimeError if it was a defect, which the process itself has printed.
    """
    try:
        yield
    except (EOFError, OSError):
        process.join(_SECONDS_TO_END)
        code = process.exitcode
        if code is None or code >= 0:
            raise RuntimeError(f"A process that {does} has ended; its error is above.") from None
        hint = "Run the same command again."
        if -code == signal.SIGKILL:
            hint = (
                "Mostly memory has run out: give the import more, or end other programs. Then run"
                " the same command again."
            )
        said = signal.strsignal(-code) or "unknown"
        raise BelowTheLineError(
            f"A process that {does} was ended by signal {-code} ({said}).", hint
        ) from None
