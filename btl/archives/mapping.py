"""The mapping file: how columns of an export become members of events. See docs/archives.md."""

import tomllib
from collections.abc import Mapping as MappingOf
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from below_the_line.catalogue import schema_document
from below_the_line.errors import BelowTheLineError
from btl.archives import MAPPINGS
from btl.archives.tables import Layout
from btl.archives.times import TimeFormat, TimeReader, zone_of

Text = str | Annotated[list[str], Field(min_length=1)]
"""A template, or a list of them: the first one counts that meets no null."""
Number = int | Text
Names = Annotated[list[str], Field(min_length=1)]


def _as_text(value: object) -> object:
    """Return what TOML has as a truth or a whole number as cells have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


Value = Annotated[str, BeforeValidator(_as_text)]


def _known_encoding(value: str) -> str:
    try:
        "".encode(value)
    except LookupError:
        raise ValueError("is not an encoding that Python knows, such as utf-8 or cp1252") from None
    return value


Encoding = Annotated[str, AfterValidator(_known_encoding)]
Delimiter = Annotated[str, Field(min_length=1, max_length=1)]


@cache
def reasons() -> tuple[str, ...]:
    """Return the reasons of the contract, for reports and for decisions."""
    return tuple(schema_document("definitions")["$defs"]["reason"]["enum"])


def field_names(fields: Any) -> list[str]:
    """Return the names of a model's fields, those of its inner models included, without theirs."""
    names: list[str] = []
    for name, field in fields.model_fields.items():
        inner = [kind for kind in _kinds(field.annotation) if issubclass(kind, BaseModel)]
        is_group = inner and inner[0] not in (Split, ParentPath)
        names += field_names(inner[0]) if is_group else [name]
    return names


def _kinds(annotation: Any) -> list[type]:
    return [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(_Strict):
    """Items that stand in one cell, separated."""

    split: str
    by: str = Field(min_length=1)
    strip: str | None = None
    """Characters that are removed around each item, beside blanks."""


Items = list[str] | Split


class ParentPath(_Strict):
    """The parent of a comment whose id is a path from the first comment of its thread."""

    path: str
    by: str = Field(min_length=1)
    """What separates the steps of the path."""
    top: int = Field(default=1, ge=1)
    """The number of steps of a comment at the top level."""


class DiscussionFields(_Strict):
    """The article's own settings for its discussion."""

    enabled: bool | Text | None = None
    closes_at: Text | None = None
    window_hours: Number | None = None


class ArticleFields(_Strict):
    """Members of article.published.v1's data, and what happened to the article."""

    article_id: Text
    url: Text
    headline: Text | None = None
    published_at: Text | None = None
    site: Text | None = None
    section: Text | None = None
    topics: Items | None = None
    bylines: Items | None = None
    language: Text | None = None
    updated_at: Text | None = None
    discussion: DiscussionFields | None = None
    accepts_comments: bool | Text | None = None
    unpublished_at: Text | None = None
    unpublished_reason: Text | None = None


class AuthorFields(_Strict):
    """Members of a comment's author."""

    user_id: Text | None = None
    display_name: Text | None = None
    role: Text | None = None
    email: Text | None = None


class CommentFields(_Strict):
    """Members of comment.posted.v1's data, and what happened to the comment."""

    article_id: Text
    comment_id: Text
    author: AuthorFields = AuthorFields()
    body: Text
    posted_at: Text
    parent_comment_id: Text | ParentPath | None = None
    held: bool | Text | None = None
    status: Text | None = None
    edited_at: Text | None = None
    edited_body: Text | None = None
    deleted_at: Text | None = None
    decision: Text | None = None
    reason: Text | None = None
    decided_by: Text | None = None
    automated: bool | Text | None = None
    decided_at: Text | None = None
    likes: Number | None = None
    dislikes: Number | None = None
    reactions: dict[str, Number] = {}
    flags: Number | None = None
    reports: dict[str, Number] = {}

    @field_validator("reports")
    @classmethod
    def _known_reasons(cls, value: dict[str, Number]) -> dict[str, Number]:
        for reason in value:
            if reason not in reasons():
                raise ValueError(f"{reason!r} is not a reason; reasons are {', '.join(reasons())}")
        return value


class _ActFields(_Strict):
    comment_id: Text
    article_id: Text | None = None
    """Without it the comment's article is looked up."""


class ReactionFields(_ActFields):
    """A reaction: of a person (``user_id``), or a number of them (``number``)."""

    reaction: Text = "like"
    user_id: Text | None = None
    number: Number | None = None
    reacted_at: Text | None = None


class ReportFields(_ActFields):
    """A report, perhaps with what was decided about it, or a number of reports (``number``)."""

    report_id: Text | None = None
    reporter_user_id: Text | None = None
    reason: Text = "other"
    note: Text | None = None
    law: Text | None = None
    reported_at: Text | None = None
    number: Number | None = None
    decision: Text | None = None
    decided_by: Text | None = None
    decided_at: Text | None = None
    explanation: Text | None = None


class ReportDecisionFields(_ActFields):
    """What was decided about a report."""

    report_id: Text
    decision: Text
    decided_by: Text | None = None
    decided_at: Text | None = None
    explanation: Text | None = None


class ModerationFields(_ActFields):
    """A decision about a comment."""

    decision: Text
    reason: Text | None = None
    decided_by: Text | None = None
    automated: bool | Text | None = None
    decided_at: Text | None = None


class EditFields(_ActFields):
    """A later text of a comment."""

    body: Text
    edited_at: Text | None = None


class DeletionFields(_ActFields):
    """A comment that its author took away."""

    deleted_at: Text | None = None


class Join(_Strict):
    """Rows of other files whose columns a table may use, as ``{name.column}``."""

    files: Names
    key: str
    """The column of these files that names the row."""
    equals: str
    """A template over the table's own columns."""
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None


class _Table(_Strict):
    files: list[str] = []
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    columns: list[str] = []
    skip: dict[str, Value | list[Value]] = {}
    html_columns: list[str] = []
    html: list[str] = []
    null: dict[str, list[str]] = {}
    time_formats: dict[str, TimeFormat] = {}
    values: dict[str, dict[str, Value]] = {}
    joins: dict[str, Join] = {}

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        known = field_names(type(self).model_fields["fields"].annotation)
        for name in self.values:
            if name not in known:
                raise ValueError(
                    f"values has {name!r}, which is not a field; fields are {', '.join(known)}"
                )
        both = set(self.html) & set(self.html_columns)
        if both:
            raise ValueError(f"{min(both)!r} stands in html and in html_columns: choose one")
        return self


class ArticlesTable(_Table):
    """How to read a row of the articles' files."""

    fields: ArticleFields


class CommentsTable(_Table):
    """How to read a row of the comments' files."""

    fields: CommentFields


class ReactionsTable(_Table):
    """How to read a row of the reactions' files."""

    fields: ReactionFields


class ReportsTable(_Table):
    """How to read a row of the reports' files."""

    fields: ReportFields


class ReportDecisionsTable(_Table):
    """How to read a row of the files of decisions about reports."""

    fields: ReportDecisionFields


class ModerationTable(_Table):
    """How to read a row of the files of decisions about comments."""

    fields: ModerationFields


class EditsTable(_Table):
    """How to read a row of the edits' files."""

    fields: EditFields


class DeletionsTable(_Table):
    """How to read a row of the deletions' files."""

    fields: DeletionFields


AnyTable = (
    ArticlesTable
    | CommentsTable
    | ReactionsTable
    | ReportsTable
    | ReportDecisionsTable
    | ModerationTable
    | EditsTable
    | DeletionsTable
)

TABLES = (
    "articles",
    "comments",
    "reactions",
    "reports",
    "report_decisions",
    "edits",
    "moderation",
    "deletions",
)
"""The tables that a mapping may have, in the order in which they are read."""


class Mapping(_Strict):
    """A mapping file, checked as far as possible without the export."""

    source: str = Field(min_length=1, max_length=200)
    time_zone: str
    time_format: TimeFormat = "iso"
    time_zones: dict[str, str] = {}
    ambiguous_times: Literal["earlier", "later", "reject"] = "earlier"
    nonexistent_times: Literal["shift", "reject"] = "shift"
    encoding: Encoding = "utf-8"
    delimiter: Delimiter | None = None
    """None: what stands between the names of the header."""
    null: list[str] = [""]
    ids: Literal["strict", "spreadsheet", "text"] = "strict"
    articles: ArticlesTable
    comments: CommentsTable
    reactions: ReactionsTable | None = None
    reports: ReportsTable | None = None
    report_decisions: ReportDecisionsTable | None = None
    edits: EditsTable | None = None
    moderation: ModerationTable | None = None
    deletions: DeletionsTable | None = None

    def tables(self) -> dict[str, AnyTable]:
        """Return the tables that the mapping has, in the order in which they are read."""
        return {name: table for name in TABLES if (table := getattr(self, name)) is not None}

    def layout(self, name: str, join: str | None = None) -> Layout:
        """Return how files of text are laid out: those of a table, or of one of its joins."""
        table = self.tables()[name]
        own = table.joins[join] if join else table
        return Layout(
            own.encoding or self.encoding,
            own.delimiter or self.delimiter,
            () if join else table.columns,
        )

    def times(self, time_format: TimeFormat | None = None) -> TimeReader:
        """Return the reader of times of a format; without one, of the mapping's own."""
        return TimeReader(
            self.time_zone,
            time_format or self.time_format,
            self.ambiguous_times,
            self.nonexistent_times,
            self.time_zones,
        )

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not an IANA time zone, such as Europe/Vienna")
        return value

    @field_validator("time_zones")
    @classmethod
    def _known_offsets(cls, value: dict[str, str]) -> dict[str, str]:
        for name, zone in value.items():
            if len(name.split()) != 1:
                raise ValueError(f"{name!r} is not one word")
            try:
                zone_of(zone)
            except ValueError as error:
                raise ValueError(f"{name} = {zone!r} {error}") from None
        return value


def ready_mappings() -> tuple[str, ...]:
    """Return the names of the mappings that come with the software."""
    return tuple(sorted(path.stem for path in MAPPINGS.glob("*.toml")))


def load_ready(name: str) -> Mapping:
    """Return a mapping that comes with the software."""
    return load_mapping(MAPPINGS / f"{name}.toml")


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file; the name of one that comes with the software is enough.

    Raises BelowTheLineError that names the file, the key and the fault.
    """
    if str(path) in ready_mappings():
        path = MAPPINGS / f"{path}.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BelowTheLineError(
            f"The mapping {path} cannot be read: {error.strerror}.",
            "Name a file (docs/archives.md shows one), or one that comes with the software:"
            f" {', '.join(ready_mappings())}.",
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
        mapping = Mapping.model_validate(document)
    except ValidationError as error:
        raise _explained(path, document, error) from None
    if empty := _empty_fields(mapping):
        raise BelowTheLineError(
            f"The mapping {path} leaves fields empty that every row needs: {', '.join(empty)}.",
            'Name their columns there, such as comment_id = "{id}".',
        )
    return mapping


def _empty_fields(mapping: Mapping) -> list[str]:
    """Return the required fields that are empty, as one is that nobody filled in."""
    return [
        f"{name}.fields.{field}"
        for name, table in mapping.tables().items()
        for field, details in type(table.fields).model_fields.items()
        if details.is_required() and getattr(table.fields, field) in ("", [""])
    ]


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
        candidates = [] if field is None else _kinds(field.annotation)
        found = [kind for kind in candidates if issubclass(kind, BaseModel)]
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
