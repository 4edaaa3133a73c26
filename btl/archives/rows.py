"""Turn one row of a site's own tables into records, by its mapping."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, get_args

import orjson
from pydantic import BaseModel

from btl.archives.columns import Columns
from btl.archives.html_text import plain_text
from btl.archives.identifiers import read_id
from btl.archives.joins import Rows, batches
from btl.archives.joins import Table as Stored
from btl.archives.mapping import (
    AnyTable,
    ArticleFields,
    AuthorFields,
    CommentFields,
    DeletionFields,
    DiscussionFields,
    EditFields,
    Items,
    ModerationFields,
    ParentPath,
    ReactionFields,
    ReportDecisionFields,
    ReportFields,
    Split,
    reasons,
)
from btl.archives.mapping import Mapping as TablesMapping
from btl.archives.records import (
    Act,
    ArchiveRecord,
    Article,
    Comment,
    Decision,
    Deletion,
    Edit,
    LeftOut,
    Moderation,
    Place,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    ReportDecision,
    Unpublication,
    Unreadable,
    UnreadableRowError,
)
from btl.archives.tables import ListCell, Row
from btl.archives.templates import (
    Cells,
    Clean,
    Expression,
    columns_of,
    compile_template,
    decode_entities,
)
from btl.archives.times import WholeDay

Member = Callable[[Cells], Any]
Build = Callable[[Cells, Place], Sequence[ArchiveRecord]]

STATUSES = ("approved", "pending", "rejected", "spam", "deleted")
DECISIONS = get_args(Decision)
REPORT_DECISIONS = ("upheld", "dismissed", "ignored", "duplicate", "void")

_IDS = ("article_id", "comment_id", "parent_comment_id", "report_id")
_PEOPLE = ("user_id", "reporter_user_id")
_BOOLEANS = ("enabled", "held", "automated", "accepts_comments")
_NUMBERS = ("window_hours", "number", "likes", "dislikes", "reactions", "flags", "reports")
_BATCH_ROWS = 500
_CONTENT_CHARACTERS = 4_000
_TRUTHS = {
    "true": True,
    "t": True,
    "yes": True,
    "1": True,
    "false": False,
    "f": False,
    "no": False,
    "0": False,
}


class JoinedRows:
    """Rows of other files that a table's rows refer to."""

    def __init__(self, columns: Columns, key: str, where: str, stored: Stored) -> None:
        """``columns`` are those of the other files, ``key`` names the one that rows are found by.
        ``stored`` has their used columns when the first is looked up.

        Raises BelowTheLineError for a key that they do not have.
        """
        self.columns = columns
        columns.index(key, where)
        self.stored = stored
        self._found: Rows = {}

    def look_up(self, keys: Iterable[str | None]) -> None:
        """Fetch the rows of these keys."""
        self._found = self.stored.find(key for key in keys if key is not None)

    def cells(self, key: str | None) -> Sequence[str | None]:
        """Return the cells of the first row with this key, which was looked up; else nulls."""
        rows = self._found.get(key) if key is not None else None
        return rows[0] if rows else (None,) * len(self.columns.used)


class RowReader:
    """Turns rows of one table into records."""

    def __init__(
        self,
        name: str,
        mapping: TablesMapping,
        columns: Columns,
        *,
        unit: str = "line",
        joins: Mapping[str, JoinedRows] | None = None,
        articles: Stored | None = None,
    ) -> None:
        """``name`` is the table's name in the mapping, ``unit`` what rows are counted in, and
        ``articles`` has the article of each comment, for rows that name only the comment.

        Raises BelowTheLineError for a column that is not in the file, and for what is not a
        template.
        """
        self._name = name
        self._table: AnyTable = mapping.tables()[name]
        self._mapping = mapping
        self._columns = columns
        self._unit = unit
        self._articles_of_comments = articles
        self._articles_of: Rows = {}
        self._comment_id: Member = _nothing
        self._joins = joins or {}
        self._joined: list[tuple[int, int]] = []
        table = self._table
        self._keys = [
            (
                joined,
                compile_template(
                    table.joins[join].equals,
                    columns.index,
                    f"{name}.joins.{join}.equals",
                    self._id(f"joins.{join}", frozenset()),
                ),
            )
            for join, joined in self._joins.items()
        ]
        self._skip = [
            (self._find(column, f"{name}.skip"), column, _texts(values))
            for column, values in table.skip.items()
        ]
        self._null = frozenset(mapping.null)
        self._nulls = {
            self._find(column, f"{name}.null"): frozenset(texts)
            for column, texts in table.null.items()
        }
        self._html = [
            (self._find(column, f"{name}.html_columns"), decode_entities)
            for column in table.html_columns
        ] + [(self._find(column, f"{name}.html"), plain_text) for column in table.html]
        self._ids = self._id_cells(table.fields)
        self._build = self._builder()

    def read_all(self, rows: Iterable[Row]) -> Iterator[ArchiveRecord | Unreadable]:
        """Yield the records of rows."""
        needs_look_up = bool(self._keys) or self._comment_id is not _nothing
        if not needs_look_up:
            for row in rows:
                yield from self.read(row)
            return
        for batch in batches(rows, _BATCH_ROWS):
            self._look_up([row.cells for row in batch if row.fault is None])
            for row in batch:
                yield from self.read(row)

    def _look_up(self, rows: Sequence[Sequence[str | None]]) -> None:
        """Fetch what rows refer to: one question for all is many times quicker."""
        for joined, key in self._keys:
            joined.look_up(_found(key, rows))
        if self._articles_of_comments is not None and self._comment_id is not _nothing:
            cells = _found(lambda row: self._prepared(self._with_joined(row)), rows)
            ids = _found(self._comment_id, cells)
            self._articles_of = self._articles_of_comments.find(id_ for id_ in ids if id_)

    def read(self, row: Row) -> Sequence[ArchiveRecord | Unreadable]:
        """Return the records of a row: first what it is, then what happened to it."""
        place = Place(self._columns.file, f"{self._unit} {row.number}")
        try:
            if row.fault is not None:
                raise UnreadableRowError(row.fault)
            cells = self._with_joined(row.cells) if self._joined else row.cells
            for index, column, texts in self._skip:
                if (cells[index] or "") in texts:
                    return (self._left_out(place, column, cells[index] or ""),)
            return self._build(self._prepared(cells), place)
        except UnreadableRowError as error:
            return (Unreadable(place, str(error), content_of(row.whole)),)

    def _with_joined(self, row: Sequence[str | None]) -> Sequence[str | None]:
        if not self._joined:
            return row
        found = [joined.cells(key(row)) for joined, key in self._keys]
        # From the end, because the number of a row's own cells is known only when all is compiled.
        return [*row, *(found[join][place] for join, place in reversed(self._joined))]

    def _find(self, column: str, where: str) -> int:
        join, dot, inner = column.partition(".")
        if not dot or join not in self._joins:
            return self._columns.index(column, where)
        found = (list(self._joins).index(join), self._joins[join].columns.index(inner, where))
        if found not in self._joined:
            self._joined.append(found)
        return -1 - self._joined.index(found)

    def _prepared(self, row: Sequence[str | None]) -> list[str | None]:
        null = self._null
        cells = [None if cell in null else cell for cell in row]
        for index, texts in self._nulls.items():
            if cells[index] in texts:
                cells[index] = None
        for index, convert in self._html:
            cell = cells[index]
            if cell is not None:
                cells[index] = convert(cell)
        for index, clean in self._ids:
            cell = cells[index]
            if cell is not None:
                cells[index] = clean(cell)
        return cells

    def _left_out(self, place: Place, column: str, value: str) -> LeftOut:
        what = self._name.replace("_", " ")
        return LeftOut(place, f"{what} whose {column} is {value!r}", "the mapping skips them")

    # What a field becomes: a function from the cells to its value, None for null.

    def _where(self, name: str) -> str:
        return f"{self._name}.fields.{name}"

    def _member(self, declared: Any, name: str, where: str | None = None) -> Member:
        where = where or self._where(name)
        if declared is None:
            return _nothing
        if isinstance(declared, bool | int):
            return lambda _: declared
        if name in ("topics", "bylines"):
            return self._items(declared, where)
        if isinstance(declared, ParentPath):
            return self._parent(declared, where)
        templates = [declared] if isinstance(declared, str) else declared
        if name.endswith("_at"):
            return _first([self._time(template, name, where) for template in templates])
        text = self._mapped(
            name, _first([compile_template(template, self._find, where) for template in templates])
        )
        if name in _BOOLEANS:
            return _converted(text, name, _boolean)
        if name in _NUMBERS:
            return _converted(text, name, _whole_number)
        return text

    def _id_cells(self, fields: Any) -> list[tuple[int, Clean]]:
        """Return where ids stand in a row, and what cleans them: for every template they are in."""
        cleaned: dict[int, Clean] = {}
        author = getattr(fields, "author", AuthorFields())
        for name in (*_IDS, *_PEOPLE):
            declared = getattr(fields, name, None) or getattr(author, name, None)
            if isinstance(declared, ParentPath):
                declared = declared.path
            where = self._where(f"author.{name}" if name == "user_id" else name)
            for template in [declared] if isinstance(declared, str) else declared or ():
                if name in _PEOPLE and not _is_one_column(template):
                    # A name that stands for an account is not an id.
                    continue
                for column in columns_of(template, where):
                    index = self._find(column, where)
                    nulls = self._null | self._nulls.get(index, frozenset())
                    cleaned.setdefault(index, self._id(name, nulls))
        return list(cleaned.items())

    def _id(self, name: str, nulls: frozenset[str]) -> Clean:
        rule = self._mapping.ids

        def clean(cell: str) -> str | None:
            if cell.isdecimal():
                # Most are: nothing to clean.
                return cell
            try:
                found = read_id(cell, rule)
            except ValueError as error:
                raise UnreadableRowError(f"{name}: {cell[:80]!r} {error}") from None
            # 0.0, which a spreadsheet made of 0.
            return None if found in nulls else found

        return clean

    def _mapped(self, name: str, text: Expression) -> Expression:
        declared = self._table.values.get(name)
        if not declared:
            return text
        # An empty text means nothing; * is any value that is not named.
        values = {value: meaning or None for value, meaning in declared.items()}

        def mapped(cells: Cells) -> str | None:
            found = text(cells)
            return None if found is None else values.get(found, values.get("*", found))

        return mapped

    def _time(self, template: str, name: str, where: str) -> Member:
        formats = [
            self._table.time_formats[column]
            for column in columns_of(template, where)
            if column in self._table.time_formats
        ]
        times = self._mapping.times(formats[0] if formats else None)
        whole_day: WholeDay = _WHOLE_DAYS.get(name, "reject")
        text = self._mapped(name, compile_template(template, self._find, where, _dated))
        return _converted(text, name, lambda found: times.read(found, whole_day))

    def _items(self, items: Items, where: str) -> Member:
        if isinstance(items, Split):
            whole = compile_template(items.split, self._find, where)
            separator, strip = items.by, items.strip

            def split(cells: Cells) -> list[str] | None:
                found = whole(cells)
                if found is None:
                    return None
                parts = (part.strip().strip(strip or "").strip() for part in found.split(separator))
                return [part for part in parts if part]

            return split
        each = [compile_template(item, self._find, where) for item in items]

        def listed(cells: Cells) -> list[str]:
            found = [text for text in (item(cells) for item in each) if text is not None]
            return [
                item
                for text in found
                for item in (text.items if isinstance(text, ListCell) else (text,))
            ]

        return listed

    def _parent(self, declared: ParentPath, where: str) -> Member:
        path = compile_template(declared.path, self._find, where)
        by, top = declared.by, declared.top

        def parent(cells: Cells) -> str | None:
            found = path(cells)
            if found is None or found.count(by) < top:
                return None
            return found.rpartition(by)[0]

        return parent

    def _required(self, fields: BaseModel, name: str) -> Member:
        member = self._member(getattr(fields, name), name)

        def required(cells: Cells) -> Any:
            found = member(cells)
            if found is None:
                raise UnreadableRowError(f"has no {name}")
            return found

        return required

    # The tables: a function from the cells to the records of a row.

    def _builder(self) -> Build:
        fields = self._table.fields
        if isinstance(fields, ArticleFields):
            return self._articles(fields)
        if isinstance(fields, CommentFields):
            return self._comments(fields)
        article_of_row = self._article(fields)
        if isinstance(fields, ReactionFields):
            return self._reactions(fields, article_of_row)
        if isinstance(fields, ReportFields):
            return self._reports(fields, article_of_row)
        if isinstance(fields, ReportDecisionFields):
            return self._report_decisions(fields, article_of_row)
        if isinstance(fields, ModerationFields):
            return self._moderation(fields, article_of_row)
        if isinstance(fields, EditFields):
            return self._edits(fields, article_of_row)
        return self._deletions(fields, article_of_row)

    def _members(self, fields: BaseModel, *names: str) -> list[Member]:
        return [self._member(getattr(fields, name), name) for name in names]

    def _articles(self, fields: ArticleFields) -> Build:
        article_id = self._required(fields, "article_id")
        url, headline, site, section, topics, bylines, language = self._members(
            fields, "url", "headline", "site", "section", "topics", "bylines", "language"
        )
        published_at, updated_at, accepts_comments = self._members(
            fields, "published_at", "updated_at", "accepts_comments"
        )
        unpublished_at, unpublished_reason = self._members(
            fields, "unpublished_at", "unpublished_reason"
        )
        discussion = fields.discussion or DiscussionFields()
        enabled, closes_at, window_hours = (
            self._member(getattr(discussion, name), name, self._where(f"discussion.{name}"))
            for name in ("enabled", "closes_at", "window_hours")
        )

        def build(cells: Cells, place: Place) -> Sequence[ArchiveRecord]:
            article = Article(
                place,
                article_id(cells),
                url(cells),
                headline(cells),
                published_at(cells),
                updated_at(cells),
                site(cells),
                section(cells),
                topics(cells),
                bylines(cells),
                language(cells),
                accepts_comments(cells),
                closes_at(cells),
                window_hours(cells),
                enabled(cells),
            )
            gone_at, reason = unpublished_at(cells), unpublished_reason(cells)
            if gone_at is None and reason is None:
                return (article,)
            return article, Unpublication(place, article.article_id, reason or "import", gone_at)

        return build

    def _comments(self, fields: CommentFields) -> Build:
        article_id, comment_id = (
            self._required(fields, name) for name in ("article_id", "comment_id")
        )
        body, posted_at, parent_comment_id, held, deleted_at = self._members(
            fields, "body", "posted_at", "parent_comment_id", "held", "deleted_at"
        )
        user_id, display_name, role, email = (
            self._member(getattr(fields.author, name), name, self._where(f"author.{name}"))
            for name in AuthorFields.model_fields
        )
        status = _among(STATUSES, "status", self._member(fields.status, "status"))
        counts = self._counts(fields)
        edit = self._edit_of_comment(fields)
        decide = self._decision_of_comment(fields)

        def build(cells: Cells, place: Place) -> Sequence[ArchiveRecord]:
            state = status(cells)
            gone_at = deleted_at(cells)
            is_deleted = gone_at is not None or state == "deleted"
            is_held = held(cells)
            if is_held is None and state in ("pending", "spam"):
                is_held = True
            posted = posted_at(cells)
            text = body(cells)
            author_role = role(cells)
            comment = Comment(
                place,
                article_id(cells),
                comment_id(cells),
                user_id(cells),
                display_name(cells),
                text,
                posted,
                parent_comment_id(cells),
                None if author_role is None else _is_staff(author_role),
                is_held,
                email(cells),
            )
            if posted is None:
                raise UnreadableRowError("has no time: no posted_at")
            if text is None and not is_deleted:
                raise UnreadableRowError(
                    "has no body: give the mapping another one, such as a blank:"
                    ' body = ["{text}", " "]'
                )
            records: list[ArchiveRecord] = [comment]
            if counts:
                records += _counted(counts, cells, comment)
            if edit is not None:
                records += edit(cells, comment)
            if decide is not None:
                records += decide(cells, comment, state)
            if is_deleted:
                records.append(Deletion(place, comment.article_id, comment.comment_id, gone_at))
            return records

        return build

    def _counts(self, fields: CommentFields) -> list["_Count"]:
        declared: list[tuple[type[ReactionCount] | type[ReportCount], str, str, Any]] = [
            (ReactionCount, "like", "likes", fields.likes),
            (ReactionCount, "dislike", "dislikes", fields.dislikes),
            *((ReactionCount, what, "reactions", each) for what, each in fields.reactions.items()),
            (ReportCount, "other", "flags", fields.flags),
            *((ReportCount, what, "reports", each) for what, each in fields.reports.items()),
        ]
        return [
            (make, what, self._member(each, name, self._where(name)))
            for make, what, name, each in declared
            if each is not None
        ]

    def _edit_of_comment(
        self, fields: CommentFields
    ) -> Callable[[Cells, Comment], Sequence[Act]] | None:
        if fields.edited_at is None and fields.edited_body is None:
            return None
        edited_at, edited_body = self._members(fields, "edited_at", "edited_body")

        def edit(cells: Cells, comment: Comment) -> Sequence[Act]:
            at, text = edited_at(cells), edited_body(cells)
            is_changed = text is not None and text != comment.body
            # Many systems write the time of posting where nothing was edited.
            if not is_changed and (at is None or at == comment.posted_at):
                return ()
            later = text or comment.body
            if later is None:
                return ()
            return (Edit(comment.place, comment.article_id, comment.comment_id, later, at),)

        return edit

    def _decision_of_comment(
        self, fields: CommentFields
    ) -> Callable[[Cells, Comment, str | None], Sequence[Act]] | None:
        if fields.status is None and fields.decision is None:
            return None
        decision, reason, decided_by, automated, decided_at = self._decision(fields)

        def decide(cells: Cells, comment: Comment, state: str | None) -> Sequence[Act]:
            made = decision(cells)
            by, at, why, program = (
                member(cells) for member in (decided_by, decided_at, reason, automated)
            )
            if made is None and state in ("rejected", "spam"):
                made = "rejected"
                if state == "spam":
                    why = why or "spam"
                    program = by is None if program is None else program
            if made is None and state == "approved":
                waited_or_decided = comment.held or by is not None or at is not None
                made = "approved" if waited_or_decided else None
            if made is None:
                return ()
            place, article_id, comment_id = comment[:3]
            return (Moderation(place, article_id, comment_id, made, why, by, program, at),)

        return decide

    def _decision(self, fields: CommentFields | ModerationFields) -> list[Member]:
        decision, reason, decided_by, automated, decided_at = self._members(
            fields, "decision", "reason", "decided_by", "automated", "decided_at"
        )
        return [
            _among(DECISIONS, "decision", decision),
            _among(reasons(), "reason", reason),
            decided_by,
            automated,
            decided_at,
        ]

    def _article(self, fields: Any) -> Callable[[Cells], tuple[str, str]]:
        """Return a function from the cells to the ids of a row's article and comment."""
        comment_id = self._required(fields, "comment_id")
        if fields.article_id is None:
            self._comment_id = self._member(fields.comment_id, "comment_id")
            return lambda cells: self._looked_up(comment_id(cells))
        article_id = self._required(fields, "article_id")
        return lambda cells: (article_id(cells), comment_id(cells))

    def _looked_up(self, comment_id: str) -> tuple[str, str]:
        articles = {row[0] for row in self._articles_of.get(comment_id, ())}
        if len(articles) == 1:
            return articles.pop(), comment_id
        what = "more than one article has" if articles else "no row of the comments is"
        raise UnreadableRowError(
            f"comment_id: {what} the comment {comment_id[:80]!r}: the mapping has to give"
            " article_id too"
        )

    def _reactions(self, fields: ReactionFields, ids: "_Ids") -> Build:
        reaction, user_id, number, reacted_at = self._members(
            fields, "reaction", "user_id", "number", "reacted_at"
        )

        def build(cells: Cells, place: Place) -> Sequence[ArchiveRecord]:
            article, comment = ids(cells)
            name = reaction(cells)
            if name is None:
                raise UnreadableRowError("has no reaction")
            user = user_id(cells)
            if user is not None:
                return (Reaction(place, article, comment, user, name, reacted_at(cells)),)
            if fields.number is None:
                raise UnreadableRowError("has no user_id")
            count = number(cells) or 0
            return (ReactionCount(place, article, comment, name, count),) if count else ()

        return build

    def _reports(self, fields: ReportFields, ids: "_Ids") -> Build:
        report_id, reporter, note, law, reported_at, number = self._members(
            fields, "report_id", "reporter_user_id", "note", "law", "reported_at", "number"
        )
        reason = _among(reasons(), "reason", self._member(fields.reason, "reason"))
        decide = self._decision_about_report(fields)

        def build(cells: Cells, place: Place) -> Sequence[ArchiveRecord]:
            article, comment = ids(cells)
            why = reason(cells) or "other"
            report = report_id(cells)
            if report is None:
                if fields.number is None:
                    raise UnreadableRowError("has no report_id")
                count = number(cells) or 0
                return (ReportCount(place, article, comment, why, count),) if count else ()
            found = Report(
                place,
                article,
                comment,
                report,
                reporter(cells),
                why,
                note(cells),
                law(cells),
                reported_at(cells),
            )
            decision = decide(cells, place, article, comment, report)
            return (found,) if decision is None else (found, decision)

        return build

    def _report_decisions(self, fields: ReportDecisionFields, ids: "_Ids") -> Build:
        report_id = self._required(fields, "report_id")
        decide = self._decision_about_report(fields)

        def build(cells: Cells, place: Place) -> Sequence[ArchiveRecord]:
            article, comment = ids(cells)
            decision = decide(cells, place, article, comment, report_id(cells))
            if decision is None:
                raise UnreadableRowError("has no decision")
            return (decision,)

        return build

    def _decision_about_report(
        self, fields: ReportFields | ReportDecisionFields
    ) -> Callable[[Cells, Place, str, str, str], ReportDecision | None]:
        decision = _among(REPORT_DECISIONS, "decision", self._member(fields.decision, "decision"))
        decided_by, decided_at, explanation = self._members(
            fields, "decided_by", "decided_at", "explanation"
        )

        def decide(
            cells: Cells, place: Place, article: str, comment: str, report: str
        ) -> ReportDecision | None:
            made = decision(cells)
            if made is None:
                return None
            by, at, why = decided_by(cells), decided_at(cells), explanation(cells)
            return ReportDecision(place, article, comment, report, made, by, at, why)

        return decide

    def _moderation(self, fields: ModerationFields, ids: "_Ids") -> Build:
        decision, *details = self._decision(fields)

        def build(cells: Cells, place: Place) -> Sequence[ArchiveRecord]:
            made = decision(cells)
            if made is None:
                raise UnreadableRowError("has no decision")
            return (Moderation(place, *ids(cells), made, *(each(cells) for each in details)),)

        return build

    def _edits(self, fields: EditFields, ids: "_Ids") -> Build:
        body = self._required(fields, "body")
        edited_at = self._member(fields.edited_at, "edited_at")
        return lambda cells, place: (Edit(place, *ids(cells), body(cells), edited_at(cells)),)

    def _deletions(self, fields: DeletionFields, ids: "_Ids") -> Build:
        deleted_at = self._member(fields.deleted_at, "deleted_at")
        return lambda cells, place: (Deletion(place, *ids(cells), deleted_at(cells)),)


_Ids = Callable[[Cells], tuple[str, str]]
_Count = tuple[type[ReactionCount] | type[ReportCount], str, Member]
_WHOLE_DAYS: dict[str, WholeDay] = {
    "published_at": "begin",
    "updated_at": "begin",
    "closes_at": "end",
}


def _counted(counts: Sequence[_Count], cells: Cells, comment: Comment) -> Iterator[Act]:
    for make, what, number in counts:
        count = number(cells)
        if count:
            yield make(comment.place, comment.article_id, comment.comment_id, what, count)


def _found(member: Member, rows: Iterable[Cells]) -> Iterator[Any]:
    """Yield what rows have, without those of which it cannot be read: these are reported later."""
    for cells in rows:
        with suppress(UnreadableRowError):
            yield member(cells)


def _nothing(_: Cells) -> None:
    return None


def _first(alternatives: Sequence[Member]) -> Member:
    if len(alternatives) == 1:
        return alternatives[0]

    def first(cells: Cells) -> Any:
        for alternative in alternatives:
            found = alternative(cells)
            if found is not None:
                return found
        return None

    return first


def _converted(expression: Expression, name: str, convert: Callable[[str], Any]) -> Member:
    def read(cells: Cells) -> Any:
        found = expression(cells)
        if found is None:
            return None
        try:
            return convert(found)
        except ValueError as error:
            raise UnreadableRowError(f"{name}: {found[:80]!r} {error}") from None

    return read


def _among(known: Sequence[str], name: str, member: Member) -> Member:
    if member is _nothing:
        return member
    allowed = frozenset(known)

    def checked(cells: Cells) -> str | None:
        found: str | None = member(cells)
        if found is None or found in allowed:
            return found
        raise UnreadableRowError(
            f"{name}: {found[:80]!r} is not one of {', '.join(known)}: say in the mapping's values"
            " what it means"
        )

    return checked


def _is_one_column(template: str) -> bool:
    return template.startswith("{") and template.find("}") == len(template) - 1


def _dated(cell: str) -> str | None:
    """Return the cell, or None for the zero of MySQL's times."""
    return None if cell.startswith("0000-00-00") else cell


def _texts(values: str | Sequence[str]) -> frozenset[str]:
    return frozenset([values] if isinstance(values, str) else values)


def _is_staff(role: str) -> bool:
    if role not in ("reader", "staff"):
        raise UnreadableRowError(f"role: {role[:80]!r} is neither reader nor staff")
    return role == "staff"


def _boolean(text: str) -> bool:
    try:
        return _TRUTHS[text.strip().lower()]
    except KeyError:
        raise ValueError("is neither true nor false") from None


def _whole_number(text: str) -> int:
    whole, _, fraction = text.strip().partition(".")
    if not whole.isdecimal() or fraction.strip("0"):
        raise ValueError("is not a whole number")
    return int(whole)


def content_of(whole: Any) -> str:
    """Return a row, as it is in its file, as text for people."""
    if isinstance(whole, bytes):
        return whole.decode("utf-8", "replace").rstrip("\r\n")[:_CONTENT_CHARACTERS]
    return orjson.dumps(whole, default=str).decode()[:_CONTENT_CHARACTERS]
