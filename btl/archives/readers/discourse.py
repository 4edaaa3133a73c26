"""Discourse: the tables of its database as CSV files with a header line. What becomes what is in
docs/archive-formats.md.
"""

import csv
import io
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import orjson
import yaml

from below_the_line.errors import BelowTheLineError
from btl.archives.article_urls import absolute_url
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.joins import Row, Rows, Table, batches, temporary_tables
from btl.archives.readers.discourse_posts import (
    COUNTED_FLAGS,
    Action,
    Belongings,
    Cells,
    Revision,
    Topic,
    User,
    is_true,
    needed,
    not_public,
    records_of,
    time_of,
)
from btl.archives.records import (
    ArchiveRecord,
    Article,
    Comment,
    Deletion,
    LeftOut,
    Moderation,
    Place,
    Unpublication,
    Unreadable,
    unreadable,
)
from btl.archives.sources import ExportFile
from btl.archives.tables import Layout, open_table
from btl.archives.tally import Tally
from btl.archives.times import microseconds, moment

_HEADERS: Mapping[str, frozenset[str]] = {
    "posts": frozenset(("id", "topic_id", "post_number", "raw", "user_id", "created_at")),
    "topics": frozenset(("id", "title", "slug", "archetype", "created_at")),
    "users": frozenset(("id", "username", "moderator")),
    "post_actions": frozenset(("id", "post_id", "user_id", "post_action_type_id")),
    "post_revisions": frozenset(("post_id", "modifications", "number")),
    "topic_embeds": frozenset(("topic_id", "embed_url")),
    "categories": frozenset(("id", "name", "topic_id")),
    "reviewables": frozenset(("id", "type", "status", "target_id", "payload")),
    "user_actions": frozenset(("action_type", "target_post_id", "acting_user_id")),
    "post_custom_fields": frozenset(("post_id", "name", "value")),
}
"""The columns by which a table is recognised. All of them must be in the file."""
_NEEDED = ("topics", "posts", "users")

_CLOSING_CODES = frozenset(("closed.enabled", "autoclosed.enabled", "archived.enabled"))
"""``action_code`` of the small actions by which a topic is closed."""
_FLAG_DECISIONS = (
    ("agreed", "upheld"),
    ("disagreed", "dismissed"),
    ("deferred", "ignored"),
)
_COLUMNS: Mapping[str, Sequence[str]] = {
    "posts": (
        *("id", "user_id", "topic_id", "post_number", "raw", "created_at", "reply_to_post_number"),
        *("deleted_at", "deleted_by_id", "post_type", "hidden", "hidden_reason_id", "hidden_at"),
        *("user_deleted", "last_version_at", "version", "cook_method", "like_count"),
        *COUNTED_FLAGS,
    ),
    "topics": (
        *("id", "title", "slug", "created_at", "category_id", "archetype", "closed", "archived"),
        *("visible", "deleted_at"),
    ),
    "users": ("id", "username", "admin", "moderator", "suspended_at", "silenced_till"),
    "post_actions": (
        *("id", "post_id", "user_id", "post_action_type_id", "created_at", "deleted_at"),
        *("deleted_by_id", "targets_topic", "agreed_at", "agreed_by_id", "disagreed_at"),
        *("disagreed_by_id", "deferred_at", "deferred_by_id"),
    ),
    "user_actions": ("id", "action_type", "target_post_id", "acting_user_id", "created_at"),
    "post_revisions": ("post_id", "number", "modifications", "created_at", "hidden"),
    "topic_embeds": ("topic_id", "embed_url", "deleted_at"),
    "categories": ("id", "name", "topic_id", "read_restricted"),
    "reviewables": (
        *("id", "type", "status", "created_by_id", "target_created_by_id", "topic_id"),
        *("target_id", "payload", "created_at", "updated_at"),
    ),
}
"""What is read of each table, as far as the file has it."""
_NUMBERS = ("id", "topic_id", "post_number", "created_at", "action_code")
"""What all posts must say before the first of them is read."""
_STATUSES = {"0": "pending", "1": "approved", "2": "rejected", "3": "ignored", "4": "deleted"}
_LIKED = "1"
"""``action_type`` of a like in user_actions."""
_RAW = re.compile(r"^:?raw:", re.MULTILINE)
_BATCH = 500

_Records = Iterator[ArchiveRecord | Unreadable]


def _recognises(file: ExportFile) -> bool:
    return _name_of(file) is not None


def _name_of(file: ExportFile) -> str | None:
    """Which table a file is, by its header line."""
    columns = _columns_of(file)
    return next((name for name, wanted in _HEADERS.items() if wanted <= columns), None)


def _columns_of(file: ExportFile) -> set[str]:
    line = file.head.removeprefix(BOM_UTF8).partition(b"\n")[0]
    try:
        header = next(csv.reader(io.StringIO(line.decode(errors="replace"))), [])
    except csv.Error:
        return set()
    return {name.strip() for name in header}


def _unknown(file: ExportFile) -> BelowTheLineError:
    """Return the error of a file that is not a table; if it nearly is one, that one is named."""
    columns = _columns_of(file)
    name, wanted = max(_HEADERS.items(), key=lambda item: len(item[1] & columns) / len(item[1]))
    missing = sorted(wanted - columns)
    if 2 * len(missing) < len(wanted):
        return BelowTheLineError(
            f"{file.name} has columns of the table {name}, but not {', '.join(missing)}.",
            "Export the whole table, with its header line.",
        )
    return BelowTheLineError(
        f"{file.name} is not a table of Discourse that is read.",
        f"Name CSV files, with header lines, of {', '.join(_HEADERS)}.",
    )


def _read(
    files: Sequence[ExportFile], options: ReadingOptions, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    by_name: dict[str, list[ExportFile]] = {}
    for file in files:
        name = _name_of(file)
        if name is None:
            raise _unknown(file)
        by_name.setdefault(name, []).append(file)
    for name in _NEEDED:
        if name not in by_name:
            raise BelowTheLineError(
                f"The table {name} is missing in the export.",
                rf"Name its file, too: psql discourse -c '\copy {name} to {name}.csv csv header'",
            )
    if options.base_url is None and "topic_embeds" not in by_name:
        raise BelowTheLineError(
            "Discourse's tables have paths and no host.",
            "Name what stands before them: --base-url https://your.forum; or, if its topics belong"
            " to articles of another site, name the file of topic_embeds, too.",
        )
    with temporary_tables(
        "embeds", "topics", "users", "actions", "revisions", "queued", "numbers", "closings"
    ) as tables:
        yield from _Export(by_name, options, progress, *tables).records()


FORMATS = (
    Format(
        name="discourse",
        title="Discourse (its tables as CSV with header lines)",
        how_to_export=(
            r"For each of topics, posts, users, post_actions, post_revisions, topic_embeds,"
            r" categories and reviewables: psql discourse -c '\copy NAME to NAME.csv csv header'."
        ),
        recognises=_recognises,
        read=_read,
        has_paths=True,
    ),
)


class _Line(NamedTuple):
    place: Place
    cells: Cells


class _Category(NamedTuple):
    name: str | None
    topic_id: str | None
    """The topic that describes it."""
    is_restricted: bool
    """Not everybody may read it."""


class _Export:
    """Reads the tables in the order in which they need one another."""

    def __init__(
        self,
        files: Mapping[str, Sequence[ExportFile]],
        options: ReadingOptions,
        progress: Progress,
        embeds: Table,
        topics: Table,
        users: Table,
        actions: Table,
        revisions: Table,
        queued: Table,
        numbers: Table,
        closings: Table,
    ) -> None:
        self._files = files
        self._options = options
        self._progress = progress
        self._bytes_before = 0
        self._embeds = embeds
        self._topics = topics
        self._users = users
        self._actions = actions
        self._revisions = revisions
        self._queued = queued
        self._numbers = numbers
        self._closings = closings
        self._categories: dict[str, _Category] = {}
        self._tally = Tally()

    def records(self) -> _Records:
        yield from self._each("categories", self._category)
        for line in self._lines("posts", _NUMBERS, share=0.3):
            if isinstance(line, _Line):
                self._number(line.cells)
        yield from self._each("topic_embeds", self._embed)
        for batch in batches(self._lines("topics"), _BATCH):
            yield from self._topic_batch(batch)
        yield from self._each("users", self._user)
        yield from self._each("post_actions", self._action)
        if "post_actions" in self._files:
            self._leave_out("user_actions", "user_actions", "post_actions says it")
        else:
            yield from self._each("user_actions", self._like)
        yield from self._each("post_revisions", self._revision)
        for batch in batches(self._lines("reviewables"), _BATCH):
            yield from self._reviewable_batch(batch)
        self._leave_out("post_custom_fields", "custom fields of posts", "no event says them")
        for batch in batches(self._lines("posts", share=0.7), _BATCH):
            yield from self._post_batch(batch)
        for what, table in (
            ("likes and flags of posts that are not in the export", self._actions),
            ("edits of posts that are not in the export", self._revisions),
        ):
            for _, (file, within, *_) in table.rest():
                self._tally.add(Place(file, within), what, "there are no such posts")
        yield from self._tally.records()

    # Reading.

    def _lines(
        self, name: str, columns: Sequence[str] | None = None, share: float = 1
    ) -> Iterator[_Line | Unreadable]:
        """Yield the rows of a table, with those of the columns that it has; ``share`` of its bytes
        count as done by it.
        """
        for file in self._files.get(name, ()):
            with open_table(file, Layout(delimiter=",")) as table:
                header = table.columns.names or ()
                used = [each for each in columns or _COLUMNS[name] if each in header]
                for each in used:
                    table.columns.index(each, name)
                for count, row in enumerate(table.rows()):
                    if count % _BATCH == 0:
                        done = int(table.bytes_read() * share)
                        self._progress(self._bytes_before + done)
                    place = Place(file.name, f"line {row.number}")
                    if row.fault is None:
                        cells = {
                            each: cell or None for each, cell in zip(used, row.cells, strict=True)
                        }
                        yield _Line(place, cells)
                    else:
                        yield unreadable(place, row.fault, ",".join(row.whole))
            self._bytes_before += int(file.size * share)
            self._progress(self._bytes_before)

    def _each(self, name: str, handle: Callable[[_Line], None]) -> Iterator[Unreadable]:
        for line in self._lines(name):
            if isinstance(line, Unreadable):
                yield line
                continue
            try:
                handle(line)
            except ValueError as error:
                yield _unreadable(line, error)

    def _leave_out(self, name: str, what: str, why: str) -> None:
        """Count the rows of a table that is not used."""
        for line in self._lines(name, ("id",)):
            self._tally.add(line.place, what, why)

    # The smaller tables.

    def _category(self, line: _Line) -> None:
        cells = line.cells
        self._categories[needed(cells, "id")] = _Category(
            cells.get("name"), cells.get("topic_id"), is_true(cells.get("read_restricted"))
        )

    def _number(self, cells: Cells) -> None:
        topic_id, post_id = cells.get("topic_id") or "", cells.get("id") or ""
        self._numbers.add(f"{topic_id}/{cells.get('post_number')}", [post_id])
        if cells.get("action_code") in _CLOSING_CODES:
            # A time that is not one is reported when the post itself is read.
            with suppress(ValueError):
                self._closings.add(topic_id, [microseconds(time_of(cells.get("created_at")))])

    def _embed(self, line: _Line) -> None:
        if not line.cells.get("deleted_at"):
            self._embeds.add(needed(line.cells, "topic_id"), [needed(line.cells, "embed_url")])

    def _user(self, line: _Line) -> None:
        cells = line.cells
        is_staff = is_true(cells.get("admin")) or is_true(cells.get("moderator"))
        self._users.add(needed(cells, "id"), User(cells.get("username"), is_staff))
        if cells.get("suspended_at") or cells.get("silenced_till"):
            what = "suspensions and silences of people"
            self._tally.add(line.place, what, "no event says it")

    def _action(self, line: _Line) -> None:
        cells = line.cells
        decided: tuple[Any, ...] = (None, None, None)
        for column, decision in _FLAG_DECISIONS:
            if decided_at := microseconds(time_of(cells.get(f"{column}_at"))):
                decided = (decision, decided_at, cells.get(f"{column}_by_id"))
                break
        post_id, kind = needed(cells, "post_id"), needed(cells, "post_action_type_id")
        if is_true(cells.get("targets_topic")):
            what, why = "flags of whole topics", "they are about no comment"
            self._tally.add(line.place, what, why)
            return
        action = Action(
            *line.place,
            needed(cells, "id"),
            kind,
            cells.get("user_id"),
            microseconds(time_of(cells.get("created_at"))),
            microseconds(time_of(cells.get("deleted_at"))),
            cells.get("deleted_by_id"),
            *decided,
        )
        self._actions.add(post_id, action)

    def _like(self, line: _Line) -> None:
        """Without post_actions, likes are among the records of what people did."""
        cells = line.cells
        if cells.get("action_type") != _LIKED or not cells.get("target_post_id"):
            self._tally.add(line.place, "user_actions that are not likes", "other tables say it")
            return
        action = Action(
            *line.place,
            needed(cells, "id"),
            "2",
            cells.get("acting_user_id"),
            microseconds(time_of(cells.get("created_at"))),
            *(None, None, None, None, None),
        )
        self._actions.add(needed(cells, "target_post_id"), action)

    def _revision(self, line: _Line) -> None:
        cells = line.cells
        number = needed(cells, "number")
        if not number.isdigit():
            raise ValueError(f"has a number that is not one: {number[:80]}")
        if changed := _changed_text(cells.get("modifications") or ""):
            revision = Revision(
                *line.place,
                int(number),
                microseconds(time_of(cells.get("created_at"))),
                is_true(cells.get("hidden")),
                *changed,
            )
            self._revisions.add(needed(cells, "post_id"), revision)
        else:
            what = "edits that changed no text"
            self._tally.add(line.place, what, "titles and tags have no history here")

    # Topics.

    def _topic_batch(self, batch: Sequence[_Line | Unreadable]) -> _Records:
        lines = [line for line in batch if isinstance(line, _Line)]
        yield from (line for line in batch if isinstance(line, Unreadable))
        ids = [line.cells.get("id") or "" for line in lines]
        embeds, closings = self._embeds.find(ids), self._closings.find(ids)
        descriptions = {category.topic_id for category in self._categories.values()}
        for line, topic_id in zip(lines, ids, strict=True):
            topic = Topic()
            category = self._categories.get(line.cells.get("category_id") or "")
            if line.cells.get("archetype") == "private_message":
                topic = Topic("message")
                self._tally.add(line.place, "private messages", "they are private")
            elif topic_id in descriptions:
                topic = Topic("category")
                what, why = "topics that describe a category", "they are not articles"
                self._tally.add(line.place, what, why)
            elif category is not None and category.is_restricted:
                topic = Topic("restricted")
                what, why = "topics of restricted categories", "not everybody may read them"
                self._tally.add(line.place, what, why)
            else:
                embed = embeds.get(topic_id, [[None]])[-1][0]
                section = category.name if category else None
                try:
                    yield from self._article(line, embed, section, closings.get(topic_id, ()))
                except ValueError as error:
                    yield _unreadable(line, error)
                    continue
            self._topics.add(topic_id, topic)

    def _article(
        self, line: _Line, embed: str | None, section: str | None, closings: Sequence[Row]
    ) -> _Records:
        place, cells = line
        topic_id = needed(cells, "id")
        is_closed = is_true(cells.get("closed")) or is_true(cells.get("archived"))
        deleted_at = time_of(cells.get("deleted_at"))
        closed_at = max((at for (at,) in closings if at is not None), default=None)
        yield Article(
            place,
            topic_id,
            url=embed or self._address(cells, topic_id, place.file),
            headline=cells.get("title"),
            published_at=time_of(cells.get("created_at"), date_will_do=True),
            section=section,
            accepts_comments=not is_closed,
            closes_at=moment(closed_at) if is_closed else None,
        )
        if deleted_at:
            yield Unpublication(place, topic_id, "deleted", deleted_at)
        elif cells.get("visible") in ("f", "false"):
            self._tally.add(place, "marks of topics that are not listed", "they can be read")

    def _address(self, cells: Cells, topic_id: str, file: str) -> str:
        path = "/".join(filter(None, ("/t", cells.get("slug"), topic_id)))
        return absolute_url(self._options.base_url, path, file)

    # Posts that waited for approval.

    def _reviewable_batch(self, batch: Sequence[_Line | Unreadable]) -> _Records:
        waiting: list[tuple[_Line, dict[str, Any]]] = []
        for line in batch:
            if isinstance(line, Unreadable):
                yield line
                continue
            try:
                if payload := self._queued_post(line):
                    waiting.append((line, payload))
            except ValueError as error:
                yield _unreadable(line, error)
        users = self._users.find(_writer(line.cells) or "" for line, _ in waiting)
        numbers = self._numbers.find(
            f"{line.cells.get('topic_id')}/{payload.get('reply_to_post_number')}"
            for line, payload in waiting
        )
        topics = self._topics.find(line.cells.get("topic_id") or "" for line, _ in waiting)
        for line, payload in waiting:
            topic = topics.get(line.cells.get("topic_id") or "")
            if topic and (unsaid := not_public(Topic(*topic[0]))):
                self._tally.add(line.place, *unsaid)
            else:
                yield from self._waiting_comment(line, payload, users, numbers)

    def _queued_post(self, line: _Line) -> dict[str, Any] | None:
        """Return what a person wrote that waits, or waited in vain, for approval; note what was
        approved. Raises ValueError.
        """
        place, cells = line
        kind, status = cells.get("type"), _STATUSES.get(cells.get("status") or "")
        if kind != "ReviewableQueuedPost":
            if kind == "ReviewableFlaggedPost":
                self._tally.add(place, "reviews of flagged posts", "post_actions says it")
            else:
                self._tally.add(place, "reviews of people and others", "no event says it")
            return None
        try:
            payload = orjson.loads(cells.get("payload") or "{}")
        except orjson.JSONDecodeError:
            payload = None
        if status == "approved":
            # Versions before target_id was set note it in the payload.
            noted = payload.get("created_post_id") if isinstance(payload, dict) else None
            if post_id := cells.get("target_id") or noted:
                self._queued.add(str(post_id), [microseconds(time_of(cells.get("created_at")))])
            else:
                what = "approvals that do not say of which post"
                self._tally.add(place, what, "the posts themselves are in posts")
            return None
        if not cells.get("topic_id"):
            self._tally.add(place, "topics that wait for approval", "they are not articles yet")
            return None
        if not isinstance(payload, dict) or not isinstance(payload.get("raw"), str):
            raise ValueError("has a payload without a text")
        return payload

    def _waiting_comment(
        self, line: _Line, payload: dict[str, Any], users: Rows, numbers: Rows
    ) -> _Records:
        place, cells = line
        writer = _writer(cells)
        topic_id, number = cells.get("topic_id") or "", payload.get("reply_to_post_number")
        ids = (topic_id, f"reviewable-{cells.get('id')}")
        user = users.get(writer or "", [[None, False]])[0]
        try:
            written_at, decided_at = (
                time_of(cells.get(name)) for name in ("created_at", "updated_at")
            )
        except ValueError as error:
            yield _unreadable(line, error)
            return
        yield Comment(
            place,
            *ids,
            user_id=writer,
            display_name=user[0],
            body=payload["raw"].strip(),
            posted_at=written_at,
            parent_comment_id=_parent(topic_id, str(number), numbers) if number else None,
            is_staff=user[1],
            held=True,
        )
        status = _STATUSES.get(cells.get("status") or "")
        if status == "rejected":
            yield Moderation(place, *ids, decision="rejected", decided_at=decided_at)
        elif status == "deleted":
            yield Deletion(place, *ids, deleted_at=decided_at)

    # Posts.

    def _post_batch(self, batch: Sequence[_Line | Unreadable]) -> _Records:
        lines = [line for line in batch if isinstance(line, _Line)]
        yield from (line for line in batch if isinstance(line, Unreadable))
        ids = [line.cells.get("id") or "" for line in lines]
        topics = self._topics.find(line.cells.get("topic_id") or "" for line in lines)
        users = self._users.find(line.cells.get("user_id") or "" for line in lines)
        numbers = self._numbers.find(
            f"{line.cells.get('topic_id')}/{number}"
            for line in lines
            if (number := line.cells.get("reply_to_post_number"))
        )
        queued = self._queued.find(ids)
        actions, revisions = self._actions.take(ids), self._revisions.take(ids)
        has_flags = "post_actions" in self._files
        for line, post_id in zip(lines, ids, strict=True):
            cells = line.cells
            topic_id, number = cells.get("topic_id") or "", cells.get("reply_to_post_number")
            topic = topics.get(topic_id)
            author = users.get(cells.get("user_id") or "")
            its_actions = [Action(*row) for row in actions.pop(post_id, ())]
            its_revisions = [Revision(*row) for row in revisions.pop(post_id, ())]
            try:
                found = records_of(
                    cells,
                    line.place,
                    Belongings(
                        Topic(*topic[0]) if topic else Topic(),
                        User(*author[0]) if author else None,
                        _parent(topic_id, number, numbers) if number else None,
                        its_actions if has_flags or "user_actions" in self._files else None,
                        has_flags,
                        its_revisions if "post_revisions" in self._files else None,
                        queued.get(post_id, [[None]])[0][0],
                    ),
                )
            except ValueError as error:
                yield _unreadable(line, error)
                if left := len(its_actions) + len(its_revisions):
                    what, why = "likes, flags and edits of posts", "their posts cannot be read"
                    self._tally.add(line.place, what, why, left)
                continue
            for record in found:
                if isinstance(record, LeftOut):
                    self._tally.add(*record)
                else:
                    yield record


def _parent(topic_id: str, number: str, numbers: Rows) -> str | None:
    """Return the id of the post that is answered; None: the article itself.

    A post that is not in the export is named by its topic and number.
    """
    if number == "1":
        return None
    key = f"{topic_id}/{number}"
    return str(numbers[key][0][0]) if key in numbers else key


def _writer(cells: Cells) -> str | None:
    """Return who wrote a post that waits: older versions say that they created its review."""
    return cells.get("target_created_by_id") or cells.get("created_by_id")


def _changed_text(modifications: str) -> tuple[str, str] | None:
    """Return the text before and after a revision; None: it changed something else.

    Raises ValueError.
    """
    if not _RAW.search(modifications):
        return None
    try:
        # It makes only texts, lists and mappings, whatever Ruby's tags say.
        changes = yaml.load(modifications, yaml.CBaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as error:
        problem = getattr(error, "problem", None) or "nested too deep"
        raise ValueError(f"has modifications that are not YAML: {problem}") from None
    changed = (changes.get("raw") or changes.get(":raw")) if isinstance(changes, dict) else None
    if not isinstance(changed, list) or len(changed) != 2:
        raise ValueError("has modifications without a text before and after")
    before, after = (each if isinstance(each, str) else "" for each in changed)
    return before, after


def _unreadable(line: _Line, error: ValueError) -> Unreadable:
    return unreadable(line.place, error, orjson.dumps(line.cells))
