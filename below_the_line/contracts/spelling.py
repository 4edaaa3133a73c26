"""Names that were misspelt: which known name was meant."""

from collections.abc import Iterable
from difflib import get_close_matches

MAX_CHARACTERS = 64
"""Longer names resemble none: comparing takes time, and floods of them must not."""
_SIMILARITY = 0.75
_SEPARATORS = dict.fromkeys(map(ord, "_-. :"))


def folded(name: str) -> str:
    """Return a name without what writers of names disagree about: case and separators."""
    return name.translate(_SEPARATORS).casefold()


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that resembles a name most; None if none does.

    Names that differ only in case or separators (``parentCommentId``) come first.
    """
    if len(name) > MAX_CHARACTERS:
        return None
    by_form: dict[str, str] = {}
    for each in known:
        by_form.setdefault(folded(each), each)
    form = folded(name)
    if form in by_form:
        return by_form[form]
    found = get_close_matches(form, by_form, n=1, cutoff=_SIMILARITY)
    return by_form[found[0]] if found else None
