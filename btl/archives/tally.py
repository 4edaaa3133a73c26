"""Things that are left out once per item, reported once per export."""

from collections.abc import Iterator

from btl.archives.records import LeftOut, Place


class Tally:
    """Counts what is left out, and remembers where the first one was."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[Place, str, int]] = {}

    def add(self, place: Place, what: str, why: str, number: int = 1) -> None:
        """Count ``number`` more of ``what``, as in ``LeftOut``."""
        first, reason, before = self._counts.get(what, (place, why, 0))
        self._counts[what] = (first, reason, before + number)

    def records(self) -> Iterator[LeftOut]:
        """Yield one record for each ``what``."""
        for what, (place, why, number) in self._counts.items():
            yield LeftOut(place, what, why, number)
