"""Names of columns: where each is in a row, and what is said of one that is not there."""

from collections.abc import Iterable, Sequence

from below_the_line.contracts.spelling import nearest
from below_the_line.errors import BelowTheLineError


class Columns:
    """Gives each column that a mapping uses its place among the cells of a row."""

    def __init__(self, file: str, names: Sequence[str] | None) -> None:
        """``file`` is for errors. ``names`` are the columns of the file; None: each row has its own
        (JSON lines), and one that it does not have is null.
        """
        self.file = file
        self.names = names
        self.used: list[str] = []
        """The columns in the order of a row's cells."""
        self.unseen: set[str] = set()
        """Where each row has its own columns: those used that no row has had."""

    def index(self, name: str, where: str) -> int:
        """Return the place of a column; ``where`` is the key of the mapping that uses it.

        Raises BelowTheLineError for a column that is not in the file.
        """
        if name in self.used:
            return self.used.index(name)
        if self.names is not None and name not in self.names:
            raise missing(name, where, self.file, self.names)
        self.used.append(name)
        return len(self.used) - 1


def missing(name: str, where: str, file: str, names: Iterable[str]) -> BelowTheLineError:
    """Return the error about a column that a file does not have, with names that are near to it."""
    existing = list(names)
    near = nearest(name, existing)
    hint = f"Its columns are: {', '.join(existing)}."
    return BelowTheLineError(
        f"The column {name!r}, which the mapping uses in {where}, is not in {file}.",
        f"Do you mean {near!r}? {hint}" if near else hint,
    )
