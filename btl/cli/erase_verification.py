"""``btl erase --verify``: search every place within reach, and say what is left and until when."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import typer
from rich.text import Text

from below_the_line import catalogue
from below_the_line.database.connections import connect
from below_the_line.erasing.erasures import Person, Subject
from below_the_line.erasing.search_terms import Term, id_term, text_terms
from below_the_line.erasing.verification import (
    NotSearched,
    Remains,
    Verification,
    limits,
    search_database,
    search_files,
    search_records,
)
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.topic_settings import describe
from below_the_line.plurals import counted
from below_the_line.settings import Settings
from btl.cli.edge import ends_with
from btl.cli.output import Column, clock, console, print_json, print_table, print_text
from consumers.adapters.log_search import read_log

_NO_HINT = "Its records are not searched."
_SEARCHED_AS = {
    "postgres": "by its tables",
    "kafka": "by the records of its topics",
    "secrets": "it holds none but the stack's own",
    "cache": "software only",
}
"""Folders of a stack that are not read as files, with the reason."""


def verify(
    settings: Settings,
    connection: psycopg.Connection,
    subjects: Sequence[Subject],
    texts: Path | None,
    *,
    as_json: bool,
) -> None:
    """Search, and print what was found. Ends with exit status 1 if anything is left, or if a place
    could not be searched.
    """
    terms = search_terms(subjects, texts)
    found = Verification(not_searched=limits(terms))
    with _status() as say:
        search_database(connection, terms, found, progress=say)
        _search_airflow(settings, terms, found, say)
        _search_folders(settings, terms, found, say)
        elsewhere = len(found.remains)
        _search_topics(settings, terms, found, say)
    if as_json:
        print_json(_document(found))
    else:
        _print(found, only_records=not elsewhere)
    if not found.found_nothing:
        ends_with(1)
        raise typer.Exit(1)


def search_terms(subjects: Sequence[Subject], texts: Path | None) -> list[Term]:
    """Return what to look for. Raises BelowTheLineError for a file that cannot be read."""
    terms = []
    for number, each in enumerate(subjects, start=1):
        name = "id" if len(subjects) == 1 else f"id {number}"
        # What people wrote is wiped, and the comment's id stays: without its texts there is
        # nothing to look for.
        if isinstance(each, Person):
            terms.append(id_term(name, each.person_id))
    if texts is not None:
        try:
            lines = texts.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise BelowTheLineError(f"{texts} is not UTF-8.", "Write it in UTF-8.") from None
        except OSError as error:
            raise BelowTheLineError(f"{texts} cannot be read: {error.strerror}.") from None
        terms += text_terms(lines)
    if not terms:
        raise BelowTheLineError(
            "There is nothing to look for: a comment keeps its id when it is erased.",
            "Give its texts, one a line: --text FILE.",
        )
    return terms


def _search_airflow(
    settings: Settings, terms: Sequence[Term], found: Verification, say: "_Say"
) -> None:
    """Search Airflow's metadata, if the stack in BTL_HOME has them."""
    url = _airflow_metadata_url(settings.home)
    if url is None:
        found.not_searched.append(
            NotSearched("Airflow's metadata", f"there is no Airflow in {settings.home}")
        )
        return
    try:
        with connect(url, application_name="btl erase --verify", autocommit=True) as connection:
            search_database(connection, terms, found, database="airflow", progress=say)
    except BelowTheLineError as error:
        found.not_searched.append(NotSearched("Airflow's metadata", error.message.rstrip(".")))


def _airflow_metadata_url(home: Path) -> str | None:
    try:
        from btl.stack import postgres, state
        from btl.stack.layout import Layout
    except ModuleNotFoundError:  # the extra [local] is not installed
        return None
    layout = Layout.of(home)
    choice = state.load(layout.state) if layout.exists() else None
    if choice is None or not choice.runs_airflow:
        return None
    return postgres.url(
        layout, choice.ports["postgres"], postgres.AIRFLOW_ROLE, postgres.AIRFLOW_DATABASE
    )


def _search_folders(
    settings: Settings, terms: Sequence[Term], found: Verification, say: "_Say"
) -> None:
    home = settings.home.absolute()
    folders = [home, settings.quality_folder().absolute()]
    for folder in dict.fromkeys(folders):
        if folder != home and folder.is_relative_to(home):
            continue
        if not folder.is_dir():
            found.not_searched.append(NotSearched(str(folder), "there is no such folder"))
            continue
        left_out = {folder / name: why for name, why in _SEARCHED_AS.items()}
        search_files(folder, terms, found, left_out=left_out, progress=say)


def _search_topics(
    settings: Settings, terms: Sequence[Term], found: Verification, say: "_Say"
) -> None:
    names = [topic.name for topic in catalogue.topics()]
    try:
        existing = describe(settings)
    except BelowTheLineError as error:
        why = error.message.rstrip(".")
        found.not_searched += [NotSearched(f"topic {name}", why) for name in names]
        return

    def retention(topic: str) -> timedelta | None:
        milliseconds = int(existing[topic].settings.get("retention.ms", -1))
        return None if milliseconds < 0 else timedelta(milliseconds=milliseconds)

    for name in names:
        if name not in existing:
            continue
        say(f"topic {name}")
        try:
            records = read_log(settings, name, uncommitted=True, hint=_NO_HINT)
            search_records(records, terms, found, retention=retention)
        except BelowTheLineError as error:
            found.not_searched.append(NotSearched(f"topic {name}", error.message.rstrip(".")))


class _Say:
    """Says on a terminal what is searched."""

    def __init__(self, update: Any) -> None:
        self._update = update

    def __call__(self, what: str) -> None:
        if self._update is not None:
            self._update(Text(f"Searching {what} …"))


@contextmanager
def _status() -> Iterator[_Say]:
    out = console(stderr=True)
    if not out.is_terminal:
        yield _Say(None)
        return
    with out.status("Searching …") as status:
        yield _Say(status.update)


def _document(found: Verification) -> Mapping[str, object]:
    return {
        "found_nothing": found.found_nothing,
        "searched": found.searched,
        "remains": [each._asdict() for each in found.remains],
        "not_searched": [each._asdict() for each in found.not_searched],
    }


def _print(found: Verification, *, only_records: bool) -> None:
    read = ", ".join(
        counted(number, what[:-1]) for what, number in found.searched.items() if what != "bytes"
    )
    typer.echo(f"Searched: {read or 'nothing'}.")
    if found.remains:
        print_table(
            [
                Column("left in", wraps=True),
                "what",
                Column("rows", right=True),
                Column("note", wraps=True, rank=1),
            ],
            [(each.where, each.what, each.rows, _note(each)) for each in found.remains],
        )
    for each in found.not_searched:
        print_text(f"Not searched: {each.where}: {each.why}.", style="yellow", hanging=2)
    if not found.remains:
        typer.echo("Nothing was found in what was searched.")
    elif only_records:
        records = counted(sum(each.rows for each in found.remains), "record")
        typer.echo(f"What is left is in topics only: {records}, until Kafka deletes them.")


def _note(remains: Remains) -> str:
    if remains.until is None:
        return remains.note
    return f"until {_in_minutes(remains.until)} at the earliest"


def _in_minutes(moment: datetime) -> str:
    return clock(moment.replace(second=0, microsecond=0))
