"""Errors for names that do not exist: which names do, and which one was probably meant."""

from collections.abc import Iterable
from typing import Final

from below_the_line.contracts.spelling import nearest
from below_the_line.errors import BelowTheLineError

MAX_LISTED: Final = 20
"""Names that a hint lists."""


def unknown(
    what: str, name: str, known: Iterable[str], *, max_listed: int = MAX_LISTED
) -> BelowTheLineError:
    """Return the error for a name that is not among the known ones.

    ``what``: the kind of thing, such as ``site``. ``max_listed``: names after which the hint's list
    is cut; a closed list is worth more than the default.
    """
    names = list(known)
    meant = nearest(name, names)
    if not names:
        return BelowTheLineError(f"There is no {what} {name!r}.", f"No {what} is known yet.")
    listed = ", ".join(names[:max_listed]) + (", …" if len(names) > max_listed else "")
    hint = f"These exist: {listed}."
    return BelowTheLineError(
        f"There is no {what} {name!r}.", hint if meant is None else f"Did you mean {meant}? {hint}"
    )
