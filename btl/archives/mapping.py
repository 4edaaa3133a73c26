"""The mapping file: how columns of an export become members of events. See docs/archives.md."""

import tomllib
from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from below_the_line.errors import BelowTheLineError

Text = str | Annotated[list[str], Field(min_length=1)]
"""A template, or a list of them: the first one counts that meets no null."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(_Strict):
    """Items that stand in one cell, separated."""

    split: str
    by: str = Field(min_length=1)


Items = list[str] | Split


class DiscussionFields(_Strict):
    """The article's own settings for its discussion."""

    enabled: bool | Text | None = None
    closes_at: Text | None = None
    window_hours: int | Text | None = None


class ArticleFields(_Strict):
    """Members of article.published.v1's data."""

    article_id: Text
    url: Text
    headline: Text
    published_at: Text | None = None
    site: Text | None = None
    section: Text | None = None
    topics: Items | None = None
    bylines: Items | None = None
    language: Text | None = None
    updated_at: Text | None = None
    discussion: DiscussionFields | None = None


class AuthorFields(_Strict):
    """Members of a comment's author."""

    user_id: Text
    display_name: Text
    role: Text | None = None


class CommentFields(_Strict):
    """Members of comment.posted.v1's data."""

    article_id: Text
    comment_id: Text
    author: AuthorFields
    body: Text
    posted_at: Text
    parent_comment_id: Text | None = None
    held: bool | Text | None = None


class _Table(_Strict):
    html_columns: list[str] = []
    null: dict[str, list[str]] = {}


class ArticlesTable(_Table):
    """How to read a row of the articles' file."""

    fields: ArticleFields


class CommentsTable(_Table):
    """How to read a row of the comments' file."""

    fields: CommentFields


class Mapping(_Strict):
    """A mapping file, checked as far as possible without the export."""

    source: str = Field(min_length=1, max_length=200)
    time_zone: str
    time_format: str = "iso"
    ambiguous_times: Literal["earlier", "later", "reject"] = "earlier"
    nonexistent_times: Literal["shift", "reject"] = "shift"
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    null: list[str] = [""]
    articles: ArticlesTable
    comments: CommentsTable

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not an IANA time zone, such as Europe/Vienna")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError(
                "is not an encoding that Python knows, such as utf-8 or cp1252"
            ) from None
        return value


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises BelowTheLineError that names the file, the key and the fault."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BelowTheLineError(
            f"The mapping {path} cannot be read: {error.strerror}.",
            "Name a file; docs/archives.md shows one.",
        ) from None
    except UnicodeDecodeError:
        raise BelowTheLineError(
            f"The mapping {path} is not UTF-8, as TOML must be.", "Save it as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise BelowTheLineError(
            f"The mapping {path} is not TOML: {error}.", "Correct it there."
        ) from None
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        raise _explained(path, document, error) from None


def _explained(
    path: Path, document: MappingOf[str, Any], error: ValidationError
) -> BelowTheLineError:
    problems = error.errors()
    # An unknown key explains more than a missing one beside it.
    first = next(
        (problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0]
    )
    steps = [str(step) for step in first["loc"]]
    if first["type"] == "extra_forbidden":
        allowed = ", ".join(_keys_beside(steps))
        return BelowTheLineError(
            f"The mapping {path} has an unknown key {'.'.join(steps)!r}.", f"Known are: {allowed}."
        )
    if first["type"] == "missing":
        return BelowTheLineError(
            f"The mapping {path} lacks the key {'.'.join(steps)!r}.", "Add it."
        )
    where = ".".join(_within(document, steps))
    message = first["msg"].removeprefix("Value error, ")
    return BelowTheLineError(
        f"In the mapping {path}, {where!r} is not usable: {message}.",
        "docs/archives.md says what goes there.",
    )


def _keys_beside(steps: list[str]) -> list[str]:
    model: Any = Mapping
    for step in steps[:-1]:
        field = model.model_fields.get(step)
        candidates = (
            [] if field is None else [field.annotation, *getattr(field.annotation, "__args__", ())]
        )
        found = [
            kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        if not found:
            break
        model = found[0]
    return list(model.model_fields)


def _within(document: Any, steps: list[str]) -> list[str]:
    """Return the steps that exist in the document. Pydantic adds the alternatives of a type after
    them.
    """
    known = []
    for step in steps:
        if not isinstance(document, dict) or step not in document:
            break
        known.append(step)
        document = document[step]
    return known or steps[:1]
