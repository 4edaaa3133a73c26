"""Coral, once called Talk: its MongoDB collections as mongoexport writes them, of version 4 and
later ones. What becomes what is in docs/archive-formats.md.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import NamedTuple, TypeVar

import orjson

from below_the_line.errors import BelowTheLineError
from btl.archives.extended_json import documents, first_document, number_of, text_of, time_of
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.joins import Table, batches, temporary_tables
from btl.archives.readers import coral_documents as collections
from btl.archives.readers.coral_comments import (
    Action,
    Belongings,
    Decided,
    DsaReport,
    Story,
    User,
    action_of,
    decision_of,
    dsa_report_of,
    needed,
    records_of,
)
from btl.archives.readers.coral_documents import Collection, Document
from btl.archives.records import ArchiveRecord, Article, LeftOut, Place, Unreadable, unreadable
from btl.archives.sources import ExportFile
from btl.archives.tally import Tally

_NEEDED: tuple[Collection, ...] = ("stories", "comments", "users")
_STAFF = frozenset(("STAFF", "MODERATOR", "ADMIN"))
_MALFORMED = (AttributeError, TypeError, ValueError)
"""What a document raises that has something else in place of a text, a list or an object."""
_BATCH = 500

_Records = Iterator[ArchiveRecord | Unreadable]
_Row = TypeVar("_Row")


def _recognises(file: ExportFile) -> bool:
    return _collection(file) is not None


def _collection(file: ExportFile) -> Collection | None:
    head = file.head
    if not head.strip(b"[] \r\n\t"):
        name = PurePath(file.member or file.path.name).name
        return collections.FILE_NAMES.get(name.removesuffix(".gz").removesuffix(".json"))
    document = first_document(head)
    return None if document is None else collections.collection_of(document)


def _read(
    files: Sequence[ExportFile], _: ReadingOptions, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    by_collection: dict[Collection | None, list[ExportFile]] = {}
    for file in files:
        by_collection.setdefault(_collection(file), []).append(file)
    for file in by_collection.get(None, ()):
        raise BelowTheLineError(
            f"{file.name} is not a collection of Coral.",
            "Name only files that mongoexport wrote, one for each collection.",
        )
    for name in _NEEDED:
        if name not in by_collection:
            older = " In Talk 4 it is called assets." if name == "stories" else ""
            raise BelowTheLineError(
                f"The collection {name} is missing in the export.",
                f"Name its file, too: mongoexport --collection {name} --out {name}.json.{older}",
            )
    with temporary_tables("stories", "users", "actions", "decisions", "dsa_reports") as tables:
        yield from _Export(by_collection, progress, *tables).records()


FORMATS = (
    Format(
        name="coral",
        title="Coral or Talk (collections of mongoexport)",
        how_to_export=(
            "For each of stories, comments, users, commentActions, commentModerationActions and"
            " dsaReports: mongoexport --uri … --collection NAME --out NAME.json."
        ),
        recognises=_recognises,
        read=_read,
    ),
)


class _Settings(NamedTuple):
    """A site's settings, of the collection tenants."""

    closes_after: timedelta | None
    is_premoderated: bool


class _Item(NamedTuple):
    place: Place
    document: Document


class _Export:
    """Reads the collections in the order in which they need one another."""

    def __init__(
        self,
        files: Mapping[Collection | None, Sequence[ExportFile]],
        progress: Progress,
        stories: Table,
        users: Table,
        actions: Table,
        decisions: Table,
        dsa_reports: Table,
    ) -> None:
        self._files = files
        self._progress = progress
        self._bytes_before = 0
        self._stories = stories
        self._users = users
        self._actions = actions
        self._decisions = decisions
        self._dsa_reports = dsa_reports
        self._sites: dict[str, str | None] = {}
        """The names of the sites, as far as the export has them."""
        self._settings: dict[str | None, _Settings] = {}

    def records(self) -> _Records:
        for file in self._files.get("others", ()):
            yield LeftOut(
                Place(file.name, "the whole file"), "files of other collections", "not read"
            )
        yield from self._each("tenants", self._tenant)
        yield from self._each("sites", self._site)
        for item in self._items("stories", share=0.5):
            if isinstance(item, _Item):
                # Faults are reported when the story itself is read.
                with suppress(*_MALFORMED):
                    self._know_story(item.document)
        yield from self._each("stories", self._story, share=0.5)
        yield from self._each("users", self._user)
        yield from self._each("commentActions", self._action)
        yield from self._each("commentModerationActions", self._decision)
        yield from self._each("dsaReports", self._dsa_report)
        for batch in batches(self._items("comments"), _BATCH):
            yield from self._comments(batch)
        yield from self._of_missing_comments()

    # Reading.

    def _each(
        self, collection: Collection, handle: Callable[[_Item], _Records | None], share: float = 1
    ) -> _Records:
        for item in self._items(collection, share):
            if isinstance(item, Unreadable):
                yield item
                continue
            try:
                yield from handle(item) or ()
            except _MALFORMED as error:
                yield _unreadable(item, error)

    def _items(self, collection: Collection, share: float = 1) -> Iterator[_Item | Unreadable]:
        """Yield the documents of a collection; ``share`` of its bytes count as done by it."""
        for file in self._files.get(collection, ()):
            with file.open() as content:
                for count, (within, raw) in enumerate(documents(content, file)):
                    if count % _BATCH == 0:
                        self._progress(self._bytes_before + int(content.bytes_read * share))
                    yield _item(Place(file.name, within), raw)
            self._bytes_before += int(file.size * share)
            self._progress(self._bytes_before)

    # The smaller collections.

    def _tenant(self, item: _Item) -> None:
        document = item.document
        closing = document.get("closeCommenting") or {}
        seconds = number_of(closing.get("timeout"))
        self._settings[text_of(document.get("id"))] = _Settings(
            timedelta(seconds=seconds) if closing.get("auto") is True and seconds else None,
            document.get("moderation") == "PRE",
        )

    def _site(self, item: _Item) -> None:
        if site_id := text_of(item.document.get("id")):
            self._sites[site_id] = text_of(item.document.get("name"))

    def _know_story(self, document: Document) -> None:
        if site_id := text_of(document.get("siteID")):
            self._sites.setdefault(site_id, None)
        if story_id := text_of(document.get("id")):
            mode = (document.get("settings") or {}).get("moderation")
            settings = self._settings.get(text_of(document.get("tenantID")))
            is_premoderated = settings is not None and settings.is_premoderated
            self._stories.add(story_id, Story(mode == "PRE" if mode else is_premoderated))

    def _story(self, item: _Item) -> _Records:
        document = item.document
        if collections.is_version_4(document):
            document = collections.story(document)
        metadata = document.get("metadata") or {}
        author = text_of(metadata.get("author"))
        closed_at = document.get("closedAt")
        yield Article(
            place=item.place,
            article_id=needed(document, "id"),
            url=text_of(document.get("url")),
            headline=text_of(metadata.get("title")),
            published_at=time_of(metadata.get("publishedAt"), date_will_do=True),
            updated_at=time_of(metadata.get("modifiedAt"), date_will_do=True),
            site=self._site_of(document),
            section=text_of(metadata.get("section")),
            bylines=(author,) if author else None,
            accepts_comments=_accepts_comments(document),
            closes_at=(
                self._closes_at(document)
                if closed_at is None
                else time_of(closed_at, date_will_do=True)
            ),
        )

    def _site_of(self, document: Document) -> str | None:
        """The site's name; None for the only one."""
        site_id = text_of(document.get("siteID"))
        if site_id is None or len(self._sites) < 2:
            return None
        return self._sites.get(site_id) or site_id

    def _closes_at(self, document: Document) -> datetime | None:
        """When Coral closes a story that nobody closed."""
        settings = self._settings.get(text_of(document.get("tenantID")))
        created_at = time_of(document.get("createdAt"), date_will_do=True)
        if settings is None or settings.closes_after is None or created_at is None:
            return None
        return created_at + settings.closes_after

    def _user(self, item: _Item) -> _Records:
        document = item.document
        if "tenantID" not in document:
            document = collections.user(document)
        user = User(text_of(document.get("username")), document.get("role") in _STAFF)
        self._users.add(needed(document, "id"), user)
        status = document.get("status") or {}
        measures = sum(
            len((status.get(kind) or {}).get("history") or ())
            for kind in ("ban", "suspension", "premod", "warning", "modMessage")
        )
        why = "no event says it"
        if measures:
            what = "bans, suspensions, warnings and messages of people"
            yield LeftOut(item.place, what, why, measures)
        if notes := len(document.get("moderatorNotes") or ()):
            yield LeftOut(item.place, "moderators' notes about people", why, notes)

    def _action(self, item: _Item) -> _Records:
        document = item.document
        if "action_type" in document:
            document = collections.action(document)
        if document.get("itemType") not in (None, "COMMENTS"):
            yield LeftOut(item.place, "flags of people", "they are about no comment")
            return
        self._actions.add(needed(document, "commentID"), action_of(document, *item.place))

    def _decision(self, item: _Item) -> None:
        decision = decision_of(item.document, *item.place)
        self._decisions.add(needed(item.document, "commentID"), decision)

    def _dsa_report(self, item: _Item) -> None:
        report = dsa_report_of(item.document, *item.place)
        self._dsa_reports.add(needed(item.document, "commentID"), report)

    # Comments.

    def _comments(self, batch: Sequence[_Item | Unreadable]) -> _Records:
        items = []
        for item in batch:
            if isinstance(item, Unreadable):
                yield item
                continue
            try:
                items.append(_of_today(item))
            except _MALFORMED as error:
                yield _unreadable(item, error)
        ids = _texts(items, "id")
        stories = self._stories.find(_texts(items, "storyID"))
        users = self._users.find(_texts(items, "authorID"))
        actions = self._actions.take(ids)
        decisions = self._decisions.take(ids)
        dsa_reports = self._dsa_reports.take(ids)
        for item in items:
            document = item.document
            comment_id = text_of(document.get("id")) or ""
            story = stories.get(text_of(document.get("storyID")) or "")
            author = users.get(text_of(document.get("authorID")) or "")
            # What belongs to a comment is given to the first one of its id.
            its_actions = actions.pop(comment_id, [])
            its_decisions = decisions.pop(comment_id, [])
            its_dsa_reports = dsa_reports.pop(comment_id, [])
            try:
                yield from records_of(
                    document,
                    item.place,
                    Belongings(
                        Story(*story[0]) if story else Story(),
                        User(*author[0]) if author else None,
                        self._has("commentActions", [Action(*row) for row in its_actions]),
                        [Decided(*row) for row in its_decisions]
                        + [
                            decision_of(each, *item.place) for each in document.get("decisions", ())
                        ],
                        "commentModerationActions" in self._files or "decisions" in document,
                        self._has("dsaReports", [DsaReport(*row) for row in its_dsa_reports]),
                    ),
                )
            except _MALFORMED as error:
                yield _unreadable(item, error)
                if number := len(its_actions) + len(its_decisions) + len(its_dsa_reports):
                    what = "reactions, flags and decisions about comments that are left out"
                    yield LeftOut(item.place, what, "their comments are left out", number)

    def _has(self, collection: Collection, rows: list[_Row]) -> list[_Row] | None:
        return rows if collection in self._files else None

    def _of_missing_comments(self) -> _Records:
        tally = Tally()
        for what, table in (
            ("reactions and flags of comments that are not in the export", self._actions),
            ("decisions about comments that are not in the export", self._decisions),
            ("reports of comments that are not in the export", self._dsa_reports),
        ):
            for _, (file, within, *_) in table.rest():
                tally.add(Place(file, within), what, "there are no such comments")
        yield from tally.records()


def _item(place: Place, raw: bytes) -> _Item | Unreadable:
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        reason = f"is not JSON: {error}"
    else:
        if isinstance(document, dict):
            return _Item(place, document)
        reason = "is not a document"
    return unreadable(place, reason, raw)


def _accepts_comments(story: Document) -> bool | None:
    if story.get("closedAt") is False:
        return True
    return False if story.get("isArchived") or story.get("isArchiving") else None


def _texts(items: Sequence[_Item], name: str) -> list[str]:
    return [text for item in items if (text := text_of(item.document.get(name)))]


def _of_today(item: _Item) -> _Item:
    """Return a comment in today's form."""
    if "asset_id" in item.document:
        return item._replace(document=collections.comment(item.document))
    return item


def _unreadable(item: _Item, error: Exception) -> Unreadable:
    reason = str(error) if isinstance(error, ValueError) else "is not as Coral writes it"
    return unreadable(item.place, reason, orjson.dumps(item.document))
