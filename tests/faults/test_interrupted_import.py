"""An import of an archive that is killed or interrupted, and run again."""

import csv
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import psutil
import psycopg
import pytest
from kafka import KafkaConsumer

from btl.archives.importer import PARALLEL_BYTES
from btl.archives.production import PARALLEL_EVENTS
from tests.benchmarks.made_up_archive import write_tables
from tests.pipeline import BTL, Pipeline, assert_accounted

LARGE, SMALL = 27_000, 4_000


def import_of(folder: Path, comments: int) -> list[str]:
    articles_file, comments_file, mapping = write_tables(folder, comments)
    return [
        *("archive", "import", "--mapping", str(mapping)),
        *("--articles", str(articles_file), "--comments", str(comments_file)),
    ]


@contextmanager
def importing(pipeline: Pipeline, arguments: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """An import under way, of which the broker has some events."""
    process = subprocess.Popen(
        [*BTL, *arguments],
        env=pipeline.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        with closing(KafkaConsumer(bootstrap_servers=pipeline.bootstrap)) as consumer:
            deadline = time.monotonic() + 120
            while produced(pipeline, consumer) == 0:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
        yield process
    finally:
        process.kill()
        process.communicate()


def produced(pipeline: Pipeline, consumer: KafkaConsumer) -> int:
    ends = consumer.end_offsets(list(pipeline.starts))
    return sum(ends[partition] - start for partition, start in pipeline.starts.items())


def test_an_import_that_is_killed_is_whole_after_the_same_command(
    pipeline: Pipeline, connection: psycopg.Connection, tmp_path: Path
) -> None:
    arguments = import_of(tmp_path, LARGE)
    assert (tmp_path / "comments.csv").stat().st_size > PARALLEL_BYTES
    assert LARGE > PARALLEL_EVENTS
    with importing(pipeline, arguments) as process:
        others = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        # Nobody is left to tell them to end.
        _, alive = psutil.wait_procs(others, timeout=30)
    assert len(others) >= 2
    assert not alive
    with closing(KafkaConsumer(bootstrap_servers=pipeline.bootstrap)) as consumer:
        before = produced(pipeline, consumer)
    total = LARGE + LARGE // 100
    assert 0 < before < total

    again = pipeline.btl(*arguments)
    assert again.returncode == 0, again.stderr
    with pipeline.consumer():
        account = pipeline.wait_for_records(connection, before + total)
    assert account["records"] == before + total
    assert account["dead_lettered"] == 0
    assert_accounted(connection)
    stored = connection.execute(
        "select comment_id, article_id, parent_comment_id, user_id, display_name, first_body,"
        " posted_at from discussion.comments order by comment_id"
    ).fetchall()
    assert stored == sorted(rows(tmp_path / "comments.csv"))
    articles = connection.execute("select count(*) from discussion.article_versions").fetchone()
    assert articles == (LARGE // 100,)


def rows(comments: Path) -> Iterator[tuple[object, ...]]:
    with comments.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            parent = None if row["parent"] == "0" else row["parent"]
            yield (
                *(row["id"], row["article"], parent, row["user"], row["name"], row["text"]),
                datetime.fromisoformat(row["created"]),
            )


@pytest.mark.parametrize(
    ("comments", "more", "number"),
    [
        (LARGE, [], signal.SIGTERM),
        (SMALL, ["--rate", "500"], signal.SIGTERM),
        (SMALL, ["--rate", "500"], signal.SIGINT),
    ],
)
def test_an_import_that_is_interrupted_says_how_much_was_sent(
    pipeline: Pipeline, tmp_path: Path, comments: int, more: list[str], number: signal.Signals
) -> None:
    with importing(pipeline, [*import_of(tmp_path, comments), *more]) as process:
        others = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    (line,) = [line for line in said.splitlines() if line.startswith("Interrupted")]
    found = re.fullmatch(
        r"Interrupted: ([\d,]+) of ([\d,]+) events were sent\. Run the same command again: .*", line
    )
    assert found is not None, line
    sent, total = (int(each.replace(",", "")) for each in found.groups())
    assert total == comments + comments // 100
    with closing(KafkaConsumer(bootstrap_servers=pipeline.bootstrap)) as consumer:
        assert 0 < sent == produced(pipeline, consumer) < total
    assert not any(each.is_running() for each in others)
