"""What a process knows of erasures: whether an event is to be forgotten.

An erasure applies to the events of its subject up to its time. Of one subject the latest erasure
counts.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from below_the_line.erasing.keys import ErasureKey, PersonKind

SubjectKind = Literal["user", "reporter", "comment"]
Origin = Literal["command", "dag", "event", "import"]
"""Who asked: ``btl erase``, the DAG ``erase_commenter``, an event, or an import of erasures."""


class Person(NamedTuple):
    """A person, by the id that is to be forgotten."""

    kind: PersonKind
    person_id: str


class Comment(NamedTuple):
    """One comment."""

    article_id: str
    comment_id: str


Subject = Person | Comment


class ErasedPerson(NamedTuple):
    """An erasure of a person, as merging needs it."""

    pseudonym: str
    erased_at: int
    """In microseconds since 1970."""


class ErasedComment(NamedTuple):
    """An erasure of one comment, as merging needs it."""

    article_id: str
    comment_id: str
    erased_at: int
    """In microseconds since 1970."""


class Erasures:
    """The erasures that a process knows. Not safe for use by several threads.

    Ids are recognised by their pseudonyms, because nobody keeps the ids.
    """

    def __init__(self, key: ErasureKey | None = None) -> None:
        """``key`` None: only comments can be erased, and only they may be added."""
        self._key = key
        self.latest = -(1 << 63)
        """Later events are erased by none of them. In microseconds since 1970."""
        self._people: dict[str, int] = {}
        self._comments: dict[tuple[str, str], int] = {}
        self._pseudonyms: dict[tuple[PersonKind, str], str | None] = {}
        """Of the ids that were asked for; None: not erased."""

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._people or self._comments)

    @property
    def key(self) -> ErasureKey:
        """The key. Raises ValueError without one."""
        if self._key is None:
            raise ValueError("there is no key of erasures")
        return self._key

    def add(self, found: Iterable[ErasedPerson | ErasedComment]) -> None:
        """Add erasures, or later ones of known subjects. Raises ValueError for a person's without a
        key.
        """
        for each in found:
            if isinstance(each, ErasedComment):
                place = (each.article_id, each.comment_id)
                held = self._comments.get(place, each.erased_at)
                self._comments[place] = max(each.erased_at, held)
            elif self._key is None:
                raise ValueError("there is no key of erasures")
            else:
                held = self._people.get(each.pseudonym, each.erased_at)
                self._people[each.pseudonym] = max(each.erased_at, held)
            self.latest = max(self.latest, each.erased_at)
        self._pseudonyms.clear()

    def with_also(self, found: Iterable[ErasedPerson | ErasedComment]) -> "Erasures":
        """Return these erasures and others, in a new object."""
        both = Erasures(self._key)
        both.latest = self.latest
        both._people, both._comments = dict(self._people), dict(self._comments)
        both.add(found)
        return both

    @property
    def people(self) -> Iterable[ErasedPerson]:
        """The erased people."""
        return (ErasedPerson(*each) for each in self._people.items())

    @property
    def comments(self) -> Iterable[ErasedComment]:
        """The comments that were erased by themselves."""
        return (ErasedComment(*place, at) for place, at in self._comments.items())

    def person_erased_at(self, kind: PersonKind, person_id: str) -> tuple[str, int] | None:
        """Return a person's pseudonym, and up to when events are forgotten (microseconds since
        1970); None: not erased.
        """
        if not self._people:
            return None
        asked = (kind, person_id)
        if asked in self._pseudonyms:
            pseudonym = self._pseudonyms[asked]
        else:
            if len(self._pseudonyms) >= _REMEMBERED:
                self._pseudonyms.clear()
            pseudonym = self.key.pseudonym(kind, person_id)
            if pseudonym not in self._people:
                # An id that is a pseudonym already, as an archive has it, is the same person.
                pseudonym = person_id if person_id in self._people else None
            self._pseudonyms[asked] = pseudonym
        return None if pseudonym is None else (pseudonym, self._people[pseudonym])

    def comment_erased_at(self, article_id: str, comment_id: str) -> int | None:
        """Return up to when the texts of a comment are forgotten because it was erased by itself,
        in microseconds since 1970; None: it was not.
        """
        return self._comments.get((article_id, comment_id))


_REMEMBERED = 100_000
"""Ids whose pseudonyms are remembered: about 20 MB."""
