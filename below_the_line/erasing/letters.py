"""Dead letters of erased people and about erased comments: which they are.

A record that could not be applied may be anything. It is of a person if the id stands in it as the
search for remains would find it (``search_terms``): whatever the escapes of its JSON, and within
texts where the id is long. It is about a comment if one string of it is the comment and another one
its article.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from below_the_line.erasing.keys import ErasureKey, PersonKind
from below_the_line.erasing.search_terms import id_term, strings_in


class Cause(NamedTuple):
    """The erasure for which a dead letter is wiped."""

    erasure_id: int
    erased_at: datetime


def texts_in(
    record_key: bytes | None, value: bytes | None, headers: Sequence[bytes | None]
) -> set[str]:
    """Return the texts of a record that may be an id: key, headers and value as they are, and the
    strings of the value's JSON.
    """
    texts = {each.decode("utf-8", "replace") for each in (record_key, *headers, value) if each}
    if value:
        texts.update(strings_in(value))
    return texts


class Sought:
    """The people and comments of some erasures."""

    def __init__(
        self,
        key: ErasureKey,
        people: Mapping[str, Cause],
        pseudonyms: Mapping[str, Cause],
        comments: Mapping[str, Mapping[str, Cause]],
    ) -> None:
        """``people`` are by id, those whose ids are not known by pseudonym, comments by their id
        and then by article.
        """
        self._key = key
        self._people = people
        self._pseudonyms = pseudonyms
        self._comments = comments

    @property
    def latest(self) -> datetime | None:
        """The latest time of any; None: there is nothing to look for."""
        causes = [*self._people.values(), *self._pseudonyms.values()]
        causes += [cause for each in self._comments.values() for cause in each.values()]
        return max((cause.erased_at for cause in causes), default=None)

    def cause(
        self,
        timestamp: datetime,
        record_key: bytes | None,
        value: bytes | None,
        headers: Sequence[bytes | None],
    ) -> Cause | None:
        """Return the erasure that a record belongs to; None: to none of them.

        ``timestamp``: the record's. Nothing of a later record than the erasure is erased.
        """
        strings = texts_in(record_key, value, headers)
        causes = {self._person(text) for text in strings}
        causes.update(
            cause
            for text in strings
            for article_id, cause in self._comments.get(text, {}).items()
            if article_id in strings
        )
        if self._within is not None:
            causes.update(
                self._of_group[found.lastgroup or ""]
                for text in strings
                for found in self._within.finditer(text)
            )
        fitting = (each for each in causes if each is not None and timestamp <= each.erased_at)
        return min(fitting, default=None)

    def _person(self, text: str) -> Cause | None:
        found = self._people.get(text)
        if found is None and self._pseudonyms:
            kinds: tuple[PersonKind, ...] = ("user", "reporter")
            causes = (self._pseudonyms.get(self._key.pseudonym(kind, text)) for kind in kinds)
            found = next((each for each in causes if each is not None), None)
        return found

    @cached_property
    def _terms(self) -> dict[str, str]:
        """The patterns of the ids that are looked for within texts, by name of their group."""
        terms = [id_term("", person) for person in self._people]
        return {f"g{number}": each.pattern for number, each in enumerate(terms) if each.within}

    @cached_property
    def _of_group(self) -> dict[str, Cause]:
        causes = list(self._people.values())
        return {group: causes[int(group[1:])] for group in self._terms}

    @cached_property
    def _within(self) -> re.Pattern[str] | None:
        groups = [f"(?P<{group}>{pattern})" for group, pattern in self._terms.items()]
        return re.compile("|".join(groups)) if groups else None
