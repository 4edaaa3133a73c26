"""What a row of each kind of table makes; ``comment_rows`` has the comments."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from btl.archives.comment_rows import Build, comments, decision_members
from btl.archives.joins import Rows
from btl.archives.joins import Table as Stored
from btl.archives.mapping import (
    ArticleFields,
    CommentFields,
    DeletionFields,
    DiscussionFields,
    EditFields,
    ModerationFields,
    ReactionFields,
    ReportDecisionFields,
    ReportFields,
    reasons,
)
from btl.archives.members import Member, Members, among, nothing
from btl.archives.records import (
    ArchiveRecord,
    Article,
    Deletion,
    Edit,
    Moderation,
    Place,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    ReportDecision,
    Unpublication,
    UnreadableRowError,
)
from btl.archives.row_cells import each_of
from btl.archives.templates import Cells

REPORT_DECISIONS = ("upheld", "dismissed", "ignored", "duplicate", "void")

_Ids = Callable[[Cells], tuple[str, str]]
"""Returns the ids of a row's article and comment."""


class ArticlesOfComments:
    """The article of each comment, for rows that name only the comment."""

    def __init__(self, stored: Stored | None) -> None:
        """``stored`` has the article by the comment when the first is looked up."""
        self._stored = stored
        self._found: Rows = {}
        self._comment_id: Member = nothing

    @property
    def are_needed(self) -> bool:
        """Whether rows name only the comment."""
        return self._comment_id is not nothing

    def look_up(self, rows: Iterable[Cells]) -> None:
        """Fetch the articles of these rows' comments."""
        if self._stored is not None:
            ids = each_of(self._comment_id, rows)
            self._found = self._stored.find(each for each in ids if each)

    def ids(self, fields: Any, members: Members) -> _Ids:
        """Return the function that finds the ids of a row."""
        comment_id = members.required(fields, "comment_id")
        if fields.article_id is None:
            self._comment_id = members.one(fields.comment_id, "comment_id")
            return lambda cells: self._looked_up(comment_id(cells))
        article_id = members.required(fields, "article_id")
        return lambda cells: (article_id(cells), comment_id(cells))

    def _looked_up(self, comment_id: str) -> tuple[str, str]:
        articles = {row[0] for row in self._found.get(comment_id, ())}
        if len(articles) == 1:
            return articles.pop(), comment_id
        what = "more than one article has" if articles else "no row of the comments is"
        raise UnreadableRowError(
            f"comment_id: {what} the comment {comment_id[:80]!r}: the mapping has to give"
            " article_id too"
        )


def builder(fields: Any, members: Members, articles: ArticlesOfComments) -> Build:
    """Return what makes the records of a row of the table that has these fields.

    Raises BelowTheLineError for a column that is not in the file, and for what is not a template.
    """
    if isinstance(fields, ArticleFields):
        return _articles(fields, members)
    if isinstance(fields, CommentFields):
        return comments(fields, members)
    ids = articles.ids(fields, members)
    if isinstance(fields, ReactionFields):
        return _reactions(fields, members, ids)
    if isinstance(fields, ReportFields):
        return _reports(fields, members, ids)
    if isinstance(fields, ReportDecisionFields):
        return _report_decisions(fields, members, ids)
    if isinstance(fields, ModerationFields):
        return _moderation(fields, members, ids)
    if isinstance(fields, EditFields):
        return _edits(fields, members, ids)
    return _deletions(fields, members, ids)


def _articles(fields: ArticleFields, members: Members) -> Build:
    article_id = members.required(fields, "article_id")
    url, headline, site, section, topics, bylines, language = members.of(
        fields, "url", "headline", "site", "section", "topics", "bylines", "language"
    )
    published_at, updated_at, accepts_comments = members.of(
        fields, "published_at", "updated_at", "accepts_comments"
    )
    unpublished_at, unpublished_reason = members.of(fields, "unpublished_at", "unpublished_reason")
    discussion = fields.discussion or DiscussionFields()
    enabled, closes_at, window_hours = members.of(
        discussion, "enabled", "closes_at", "window_hours", group="discussion."
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


def _reactions(fields: ReactionFields, members: Members, ids: _Ids) -> Build:
    reaction, user_id, number, reacted_at = members.of(
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


def _reports(fields: ReportFields, members: Members, ids: _Ids) -> Build:
    report_id, reporter, note, law, reported_at, number = members.of(
        fields, "report_id", "reporter_user_id", "note", "law", "reported_at", "number"
    )
    reason = among(reasons(), "reason", members.one(fields.reason, "reason"))
    decide = _decision_about_report(fields, members)

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


def _report_decisions(fields: ReportDecisionFields, members: Members, ids: _Ids) -> Build:
    report_id = members.required(fields, "report_id")
    decide = _decision_about_report(fields, members)

    def build(cells: Cells, place: Place) -> Sequence[ArchiveRecord]:
        article, comment = ids(cells)
        decision = decide(cells, place, article, comment, report_id(cells))
        if decision is None:
            raise UnreadableRowError("has no decision")
        return (decision,)

    return build


def _decision_about_report(
    fields: ReportFields | ReportDecisionFields, members: Members
) -> Callable[[Cells, Place, str, str, str], ReportDecision | None]:
    decision = among(REPORT_DECISIONS, "decision", members.one(fields.decision, "decision"))
    decided_by, decided_at, explanation = members.of(
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


def _moderation(fields: ModerationFields, members: Members, ids: _Ids) -> Build:
    decision, *details = decision_members(fields, members)

    def build(cells: Cells, place: Place) -> Sequence[ArchiveRecord]:
        made = decision(cells)
        if made is None:
            raise UnreadableRowError("has no decision")
        return (Moderation(place, *ids(cells), made, *(each(cells) for each in details)),)

    return build


def _edits(fields: EditFields, members: Members, ids: _Ids) -> Build:
    body = members.required(fields, "body")
    edited_at = members.one(fields.edited_at, "edited_at")
    return lambda cells, place: (Edit(place, *ids(cells), body(cells), edited_at(cells)),)


def _deletions(fields: DeletionFields, members: Members, ids: _Ids) -> Build:
    deleted_at = members.one(fields.deleted_at, "deleted_at")
    return lambda cells, place: (Deletion(place, *ids(cells), deleted_at(cells)),)
