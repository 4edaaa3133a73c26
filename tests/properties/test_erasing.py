"""Erasure cannot be undone: whenever it is recorded, and whatever comes when and wherever, the
tables are those of the erased history.

Assumed, as docs/adr says: a comment has one author and a report one reporter; no two events share
time, id and source; a reaction is not both before and after its person's erasure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from below_the_line.catalogue import load_contracts
from below_the_line.erasing.erasures import Comment, Person, Subject
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.recording import pending, record
from below_the_line.erasing.wiping import carry_out_all
from consumers.adapters.restore import ORDER, RestoreStore
from consumers.core.dead_letters import Selection
from consumers.redrive import redrive
from tests.hypothesis_profiles import examples
from tests.properties import model
from tests.properties.histories import COMMENT, USERS, histories
from tests.properties.ingest import Database, Process
from tests.properties.model import (
    ADDED,
    DECIDED,
    DELETED,
    EDITED,
    POSTED,
    REMOVED,
    REPORTED,
    WITHDRAWN,
    CloudEvent,
    Tables,
    moment,
)

pytestmark = pytest.mark.stack

SECRET = "the key of all examples"
KEY = ErasureKey(SECRET)
AUTHORS = {"c1": "u1", "c2": "u2"}
REPORTERS = {
    ("c1", "r1"): {"user_id": "u2"},
    ("c1", "r2"): {"anonymous_id": "u1"},
    ("c2", "r1"): {"anonymous_id": "u2"},
    ("c2", "r2"): {"user_id": "u1"},
}


class Wish(NamedTuple):
    """An erasure that somebody asks for."""

    subject: Subject
    time: str
    by_stream: bool
    """By an event, if it is a person."""

    @property
    def event(self) -> CloudEvent | None:
        if not self.by_stream or isinstance(self.subject, Comment):
            return None
        member = "user_id" if self.subject.kind == "user" else "anonymous_id"
        data = {member: self.subject.person_id, "erased_at": self.time}
        return CloudEvent("commenter.erased.v1", "erase", "/a", "2017-01-01T00:00:00Z", data)


subjects = st.one_of(
    st.builds(Person, st.sampled_from(["user", "user", "reporter"]), USERS),
    st.builds(Comment, COMMENT["article_id"], COMMENT["comment_id"]),
)
erasure_times = st.sampled_from(
    ["2016-12-31T23:59:59Z", "2016-12-31T23:59:59.0005Z", "2017-01-01T00:00:00Z"]
)
wishes = st.lists(st.builds(Wish, subjects, erasure_times, st.booleans()), min_size=1, max_size=4)

PERSONAL = (POSTED, POSTED, EDITED, EDITED, REPORTED, DECIDED, ADDED, REMOVED, DELETED, WITHDRAWN)
"""The types of events that an erasure may change, and two that share rows with them."""

numbers = st.lists(st.integers(0, 99), max_size=6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.integers(0, 2), numbers),
        st.tuples(st.just("deliver"), st.integers(0, 2), numbers),
        st.tuples(st.just("refuse"), st.integers(0, 2), numbers),
        st.tuples(st.just("erase meanwhile"), st.integers(0, 2), numbers),
        st.tuples(
            st.sampled_from(["erase", "wipe", "redrive", "export", "restore", "restart"]),
            st.integers(0, 2),
            st.just([]),
        ),
    ),
    max_size=12,
)


def as_assumed(history: Sequence[CloudEvent], asked: Sequence[Wish]) -> list[CloudEvent]:
    """The history with one author for each comment, one reporter for each report, and an id of its
    own for each event; without reactions after the erasure of whom reacted before.
    """
    until = {
        wish.subject.person_id: max(
            moment(each.time) for each in asked if each.subject == wish.subject
        )
        for wish in asked
        if isinstance(wish.subject, Person) and wish.subject.kind == "user"
    }
    found = []
    for number, event in enumerate(history):
        data = dict(event.data)
        if event.type == POSTED:
            data["author"] = {**data["author"], "user_id": AUTHORS[data["comment_id"]]}
        if event.type == REPORTED:
            data["reporter"] = REPORTERS[data["comment_id"], data["report_id"]]
        erased_at = until.get(data["user_id"]) if event.type in (ADDED, REMOVED) else None
        if erased_at is not None and moment(event.time) > erased_at:
            continue
        found.append(event._replace(id=f"{event.id}{number}", data=data))
    return found


@dataclass
class Newsroom:
    """Three processes on one database: two that copy straight, one that merges all."""

    url: str
    connection: psycopg.Connection[Any]
    processes: Sequence[Process]
    database: Database = field(init=False)
    restoration: RestoreStore = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(self.connection)
        self.restoration = RestoreStore(self.url, KEY)

    def begin_empty(self) -> None:
        self.database.empty()
        self.connection.execute("update ingest.erasures_version set version = version + 1")
        for store in (*(process.store for process in self.processes), self.restoration):
            # Connecting again would do the same, and take longer.
            store.abandon()
            store._erasures.forget()

    def erase(self, wish: Wish, process: Process) -> None:
        if wish.event is not None:
            process.write([(wish.event, 0)])
        else:
            record(self.connection, KEY, [wish.subject], moment(wish.time), "command", None)

    def wipe(self) -> None:
        carry_out_all(self.connection, KEY, pending(self.connection))

    def redrive(self) -> None:
        redrive(self.url, "group", load_contracts(), Selection(), erasure_key=KEY)

    def restore(self, archive: Tables) -> None:
        for table in ORDER:
            rows = [
                tuple(row[name] for name in table.column_names)
                for _, row in sorted(archive[table.name].items())
            ]
            if rows:
                self.restoration.merge(table, rows)


@pytest.fixture(scope="module")
def newsroom(shared_database_url: str) -> Iterator[Newsroom]:
    with psycopg.connect(
        shared_database_url, options="-c timezone=UTC", autocommit=True
    ) as connection:
        processes = [
            Process(shared_database_url, [number], pause, KEY)
            for number, pause in ((0, 0), (1, 0), (2, 64))
        ]
        found = Newsroom(shared_database_url, connection, processes)
        try:
            yield found
        finally:
            found.restoration.close()
            for process in processes:
                process.store.close()


def erasures(asked: Sequence[Wish]) -> model.Erasures:
    found = model.Erasures(SECRET.encode(), {}, {}, {})
    for wish in asked:
        until: dict[Any, datetime] = found.comments
        subject: Any = tuple(wish.subject)
        if isinstance(wish.subject, Person):
            until = found.users if wish.subject.kind == "user" else found.reporters
            subject = wish.subject.person_id
        until[subject] = max(moment(wish.time), until.get(subject, moment(wish.time)))
    return found


@examples(40)
@given(history=histories(4, 2, PERSONAL), asked=wishes, plan=steps)
def test_whatever_comes_when_the_tables_are_those_of_the_erased_history(
    newsroom: Newsroom,
    history: list[CloudEvent],
    asked: list[Wish],
    plan: list[tuple[str, int, list[int]]],
) -> None:
    sent = as_assumed(history, asked)
    newsroom.begin_empty()
    missing, to_erase = dict(enumerate(sent)), list(asked)
    archive: Tables | None = None
    for what, number, chosen in plan:
        process = newsroom.processes[number]
        places = [place % len(sent) for place in chosen] if sent else []
        deliveries = [(sent[place], 0) for place in places]
        if what == "deliver":
            process.write(deliveries)
        elif what == "refuse":
            process.write(deliveries, range(len(deliveries)))
        elif what == "erase meanwhile":
            process.begin(deliveries)
            process.wait()
            if to_erase:
                newsroom.erase(to_erase.pop(), newsroom.processes[number - 1])
            process.finish()
        elif what == "erase" and to_erase:
            newsroom.erase(to_erase.pop(), process)
        elif what == "wipe":
            newsroom.wipe()
        elif what == "redrive":
            newsroom.redrive()
        elif what == "export":
            archive = newsroom.database.tables()
        elif what == "restore" and archive is not None:
            newsroom.restore(archive)
        elif what == "restart":
            process.restart()
        if what in ("deliver", "erase meanwhile"):
            for place in places:
                missing.pop(place, None)
    for wish in to_erase:
        newsroom.erase(wish, newsroom.processes[1])
    newsroom.wipe()
    # From here on nothing is wiped any more: what comes must come erased.
    rest = [(event, 0) for event in missing.values()]
    newsroom.processes[0].write(rest[: len(rest) // 2])
    newsroom.processes[2].write(rest[len(rest) // 2 :])
    newsroom.redrive()
    if archive is not None:
        newsroom.restore(archive)
    assert newsroom.database.tables() == model.tables(sent, erasures(asked))
    for process in newsroom.processes:
        process.write((event, 0) for event in sent)
    assert newsroom.database.tables() == model.tables(sent, erasures(asked))
