"""Temporary files of an import: what is in them, and that an error of the disk is said in words."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives import temporary_database as module
from btl.archives.article_names import Naming, named_records
from btl.archives.facts import ArticleFact, temporary_facts
from btl.archives.formats import ReadingOptions
from btl.archives.joins import temporary_tables
from btl.archives.lookup import temporary_lookup
from btl.archives.readers.disqus import FORMATS
from btl.archives.records import Article, Place
from btl.archives.sources import files_of
from btl.archives.spool import Rejected, Spool
from btl.archives.temporary_database import insert, temporary_database

[DISQUS] = FORMATS
ITEMS = 3_000


def _facts(_folder: Path) -> None:
    nothing = (None,) * 9
    with temporary_facts() as facts:
        for number in range(ITEMS):
            facts.add_article(ArticleFact(f"article {number}", *nothing, "a.csv", "line 2"))
        facts.flush()


def _spool(_folder: Path) -> None:
    with temporary_facts() as facts:
        spool = Spool(facts)
        for number in range(ITEMS):
            spool.add_rejected(Rejected("a.csv", f"line {number}", "is broken", "an otter"))


def _lookup(_folder: Path) -> None:
    with temporary_lookup(str) as people:
        for number in range(ITEMS):
            people.add(f"user {number}", "an otter")
        len(people)


def _joins(_folder: Path) -> None:
    with temporary_tables("likes") as (likes,):
        for number in range(ITEMS):
            likes.add(f"comment {number}", ["an otter"])
        likes.find(["comment 1"])


def _names(_folder: Path) -> None:
    articles = [
        Article(Place("a.csv", f"line {number}"), str(number), f"https://example.org/{number}", "")
        for number in range(ITEMS)
    ]
    naming = Naming(join_addresses=True)
    with named_records(naming, lambda _: iter(articles), lambda _: None, 1) as found:
        list(found.records)


def _disqus(folder: Path) -> None:
    threads = "".join(
        f'<thread dsq:id="{number}"><id>page {number}</id></thread>' for number in range(ITEMS)
    )
    path = folder / "disqus.xml"
    path.write_text(
        '<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">'
        f"{threads}</disqus>"
    )
    list(DISQUS.read(files_of([path]), ReadingOptions(), lambda _: None))


@pytest.mark.parametrize("write", [_facts, _spool, _lookup, _joins, _names, _disqus])
def test_a_full_disk_is_said_in_words_and_nothing_stays(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    write(tmp_path)
    monkeypatch.setattr(module, "_PRAGMAS", (*module._PRAGMAS, "max_page_count = 12"))
    with pytest.raises(BelowTheLineError) as caught:
        write(tmp_path)
    assert str(caught.value) == (
        f"A temporary file in {temporary} cannot be written: database or disk is full."
        " Make room there, or name another folder in TMPDIR."
    )
    assert list(temporary.iterdir()) == []


def test_nothing_of_it_would_stay_if_the_process_were_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_database() as db:
        assert list(tmp_path.iterdir()) == []
        db.execute("create table found (key text)")
        insert(db, "found", [(f"otter {number:,}",) for number in range(200_000)])
        db.execute("create index found_key on found (key)")
        [(number,)] = db.execute("select count(distinct key) from found")
        assert list(tmp_path.iterdir()) == []
    assert number == 200_000


def test_a_folder_that_cannot_be_made_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(BelowTheLineError) as caught, temporary_database():
        pass
    said = str(caught.value)
    assert said.startswith("No temporary folder can be made: ")
    assert str(tmp_path / "gone") in said
    assert "TMPDIR" in said


def test_a_fault_of_a_statement_is_a_defect() -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), temporary_database() as db:
        db.execute("select 1 from nowhere")


def test_rows_are_inserted_in_one_transaction_and_the_first_of_a_key_counts() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("create table found (key text primary key, value text)")
        said: list[str] = []
        connection.set_trace_callback(said.append)
        insert(connection, "found", [("a", "otter"), ("b", "heron"), ("a", "crane")])
        insert(connection, "found", [])
        connection.set_trace_callback(None)
        assert [said[0], said[-1]] == ["begin", "commit"]
        assert said.count("begin") == 1
        rows = connection.execute("select * from found order by key").fetchall()
        assert rows == [("a", "otter"), ("b", "heron")]
