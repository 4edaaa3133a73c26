"""Whom and what ``btl erase`` is given: arguments, options, and lists."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from below_the_line.contracts.envelope import MAX_NAME_BYTES
from below_the_line.erasing.erasures import Comment, Person, Subject
from below_the_line.errors import BelowTheLineError

STANDARD_INPUT = Path("-")
LIST_HINT = (
    "One a line: a user id; or, separated by tabs, user, reporter or comment, and the id; of a"
    " comment: comment, the article's id, the comment's id."
)

FindArticle = Callable[[str], str]
"""Returns the article of a comment. Raises BelowTheLineError if there is none, or several."""


def given_subjects(
    user_ids: Sequence[str],
    reporters: Sequence[str],
    comments: Sequence[str],
    article: str | None,
    listed: Path | None,
    find_article: FindArticle,
) -> list[Subject]:
    """Return whom and what the arguments name, each once. Raises BelowTheLineError."""
    if article is not None and not comments:
        raise BelowTheLineError(
            "--article was given without --comment.", "Give the comment's id, too."
        )
    subjects: list[Subject] = [Person("user", each) for each in user_ids]
    subjects += [Person("reporter", each) for each in reporters]
    subjects += [Comment(article or find_article(each), each) for each in comments]
    if listed is not None:
        subjects += _read(listed, find_article)
    for each in subjects:
        _check(each)
    return list(dict.fromkeys(subjects))


def _read(path: Path, find_article: FindArticle) -> list[Subject]:
    name = "standard input" if path == STANDARD_INPUT else str(path)
    with lines_of(path) as lines:
        return list(_parsed(lines, name, find_article))


@contextmanager
def lines_of(path: Path) -> Iterator[Iterable[str]]:
    """Open a file of lines, or standard input. Raises BelowTheLineError, also while it is read."""
    if path == STANDARD_INPUT:
        if sys.stdin.isatty():
            typer.echo("One a line; end with Ctrl-D.", err=True)
        yield sys.stdin
        return
    try:
        with path.open(encoding="utf-8-sig") as lines:
            yield lines
    except UnicodeDecodeError:
        raise BelowTheLineError(f"{path} is not UTF-8.", "Write it in UTF-8.") from None
    except OSError as error:
        raise BelowTheLineError(f"{path} cannot be read: {error.strerror}.") from None


def _parsed(lines: Iterable[str], name: str, find_article: FindArticle) -> Iterator[Subject]:
    for number, line in enumerate(lines, start=1):
        match line.rstrip("\r\n").split("\t"):
            case [""]:
                continue
            case [user_id] | ["user", user_id]:
                yield Person("user", user_id)
            case ["reporter", anonymous_id]:
                yield Person("reporter", anonymous_id)
            case ["comment", comment_id]:
                yield Comment(find_article(comment_id), comment_id)
            case ["comment", article_id, comment_id]:
                yield Comment(article_id, comment_id)
            case _:
                # The line itself is not repeated: it holds an id.
                raise BelowTheLineError(f"Line {number} of {name} cannot be read.", LIST_HINT)


def _check(subject: Subject) -> None:
    """Raise BelowTheLineError for an id that no event can have."""
    for text in (subject.person_id,) if isinstance(subject, Person) else subject:
        if not text or "\0" in text or len(text.encode()) > MAX_NAME_BYTES:
            raise BelowTheLineError(
                f"An id has 1 to {MAX_NAME_BYTES} bytes; one of those that were given has not.",
                "Give it as the site's events have it.",
            )
