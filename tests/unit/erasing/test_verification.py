"""The search of files and records: every place is named, and what was not read, too."""

import bz2
import gzip
import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from below_the_line.contracts.events import Record
from below_the_line.erasing import verification
from below_the_line.erasing.search_terms import Term, id_term, text_terms
from below_the_line.erasing.verification import (
    Remains,
    Verification,
    limits,
    search_files,
    search_records,
)

USER = id_term("user id", "reader-4711")


def searched(
    folder: Path, terms: list[Term], left_out: dict[Path, str] | None = None
) -> Verification:
    found = Verification()
    search_files(folder, terms, found, left_out=left_out or {})
    return found


def places(found: Verification) -> list[tuple[str, str]]:
    return [(each.where, each.what) for each in found.remains]


def test_each_line_of_each_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "consumer-1.log").write_text("a\nby reader-4711\nb\nreader-4711 again\n")
    (tmp_path / "export.csv").write_text('id,body\n1,"My long opinion"\n')
    (tmp_path / "other.csv").write_text("reader-47110\n")
    found = searched(tmp_path, [USER, *text_terms(["My long opinion"])])
    assert places(found) == [
        ("export.csv:2", "text 1"),
        ("logs/consumer-1.log:2", "user id"),
        ("logs/consumer-1.log:4", "user id"),
    ]
    assert found.searched == {"files": 3, "bytes": 78}
    assert not found.found_nothing


def test_files_that_are_compressed_are_read_and_those_that_cannot_be_are_named(
    tmp_path: Path,
) -> None:
    line = b"first\nreader-4711\n"
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(line))
    (tmp_path / "b.bz2").write_bytes(bz2.compress(line))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("inner.csv", line)
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    (tmp_path / "e.gz").write_bytes(b"not gzip")
    found = searched(tmp_path, [USER])
    assert places(found) == [
        ("a.log.gz:2", "user id"),
        ("b.bz2:2", "user id"),
        ("c.zip!inner.csv:2", "user id"),
    ]
    assert [each.where for each in found.not_searched] == ["d.parquet", "e.gz"]


def test_a_place_that_lies_across_two_pieces_is_found_once_and_in_its_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verification, "_CHUNK_BYTES", 32)
    for before in range(100):
        # An id that begins where a piece begins must not lose what it continues.
        text = b"\n" * before + b"xreader-4711\nreader-4711 reader-4711\n" + b"." * 40
        size, lines = verification._search_stream(io.BytesIO(text), [USER])
        assert (size, lines) == (len(text), {"user id": [before + 2]}), before


def test_folders_that_are_searched_elsewhere_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "base").write_text("reader-4711")
    (tmp_path / "link").symlink_to(tmp_path / "postgres")
    found = searched(tmp_path, [USER], {tmp_path / "postgres": "by its tables"})
    assert found.found_nothing
    assert found.searched == {}


def record(offset: int, value: bytes, partition: int = 0, key: bytes = b"a1") -> Record:
    at = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1_000) + offset
    return Record("comment-events", partition, offset, at, key, value, (("ce_id", b"e"),))


def test_records_are_named_with_the_time_until_which_kafka_keeps_them() -> None:
    found = Verification()
    records = [
        record(7, b'{"author": {"user_id": "reader-4711"}}'),
        record(8, b"{}"),
        record(9, b"{}", partition=2, key=b"reader-4711"),
        record(3, b"{}")._replace(headers=(("ce_subject", b"reader-4711"),)),
    ]
    search_records(records, [USER], found, retention=lambda _: timedelta(days=30))
    at = datetime(2026, 12, 1, tzinfo=UTC)
    assert found.remains == [
        Remains("comment-events-0@7", "user id", 1, at + timedelta(milliseconds=7)),
        Remains("comment-events-0@3", "user id", 1, at + timedelta(milliseconds=3)),
        Remains("comment-events-2@9", "user id", 1, at + timedelta(milliseconds=9)),
    ]
    assert found.searched == {"records": 4}


def test_many_records_are_counted_and_a_topic_for_ever_says_so() -> None:
    found = Verification()
    records = (record(number, b'"reader-4711"') for number in range(25))
    search_records(records, [USER], found, retention=lambda _: None)
    assert len(found.remains) == 4
    assert found.remains[-1] == Remains(
        "comment-events-0", "user id", 22, None, "Kafka keeps it for ever"
    )


def test_what_cannot_be_looked_for_everywhere_is_said() -> None:
    assert limits([USER]) == []
    [said] = limits([id_term("user id", "u17")])
    assert "user id has only 3 characters" in said.why
