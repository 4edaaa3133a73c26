"""``btl erase``: forget people and comments, for good."""

import getpass
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from below_the_line.erasing import requests
from below_the_line.erasing.certificate import Certificate, case_number, earlier, of_case
from below_the_line.erasing.erasures import Person, Subject
from below_the_line.erasing.execution import execute
from below_the_line.erasing.keys import ErasureKey, required_key
from below_the_line.erasing.recording import Pending, pending, record
from below_the_line.erasing.survey import survey
from below_the_line.erasing.transfer import exported, imported
from below_the_line.errors import BelowTheLineError
from below_the_line.files import open_private, writing
from below_the_line.plurals import counted
from btl.cli import configuration
from btl.cli.database import connected
from btl.cli.erase_output import (
    Surveyed,
    print_numbers,
    print_requests,
    print_surveys,
    show_certificates,
    wiping_progress,
)
from btl.cli.erase_subjects import LIST_HINT, STANDARD_INPUT, given_subjects, lines_of
from btl.cli.options import AsJson, Yes, time_option
from btl.cli.output import DRY_RUN, print_json
from consumers.adapters.log_search import articles_of_comment

_FILE = "FILE"


def erase(
    user_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="USER_ID", help="Id of a signed-in person.", show_default=False),
    ] = None,
    reporters: Annotated[
        list[str] | None,
        typer.Option(
            "--reporter",
            metavar="ANONYMOUS_ID",
            help="Anonymous id of a person who reported. Can be given several times.",
        ),
    ] = None,
    comments: Annotated[
        list[str] | None,
        typer.Option(
            "--comment", metavar="COMMENT", help="One comment. Can be given several times."
        ),
    ] = None,
    article: Annotated[
        str | None,
        typer.Option(
            metavar="ARTICLE",
            help="Article of the comments. Without it, the article is searched for.",
        ),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option("--list", metavar=_FILE, help="File of ids; - for standard input."),
    ] = None,
    at: Annotated[
        datetime | None,
        time_option("--at", "Erase what was written up to this time, not until now"),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would be erased, by table. Change nothing."),
    ] = False,
    yes: Yes = False,
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar=_FILE,
            help="Write the certificate: what was found and removed. JSON if the file's name ends"
            " in .json; - for standard output.",
        ),
    ] = None,
    case: Annotated[
        str | None,
        typer.Option(help="Print the certificate of an earlier erasure, by its case number."),
    ] = None,
    request: Annotated[
        bool,
        typer.Option(
            "--request",
            help="Erase nothing: write down a request for the DAG erase_commenter, where somebody"
            " else approves it.",
        ),
    ] = False,
    requests_: Annotated[
        bool, typer.Option("--requests", help="List the requests that are open.")
    ] = False,
    pending_: Annotated[
        bool,
        typer.Option(
            "--pending",
            help="Carry out what was recorded and not completed: asked for by an event, imported,"
            " or interrupted.",
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Erase nothing: search database, state folder, Airflow and topics for what is"
            " left.",
        ),
    ] = False,
    texts: Annotated[
        Path | None,
        typer.Option(
            "--text", metavar=_FILE, help="With --verify: texts to look for, too, one a line."
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar=_FILE,
            help="Write all erasures, for another installation with the same key; - for standard"
            " output.",
        ),
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import",
            metavar=_FILE,
            help="Record the erasures of such a file; - for standard input. `--pending` then"
            " carries them out.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Erase people or comments for good.

    A replay of their events does not bring them back. Ids become pseudonyms, names and texts go;
    comments stay in all counts but the visible ones. Cannot be undone. An interrupted run goes on
    where it stopped: give the same again, or `--pending`. An id that is an argument stays in the
    shell's history: `--list -` reads ids from standard input. See docs/erasure.md.
    """
    modes = {
        "ids": bool(user_ids or reporters or comments or listed),
        "--case": case is not None,
        "--requests": requests_,
        "--pending": pending_,
        "--export": export is not None,
        "--import": import_ is not None,
    }
    ways = {"--verify": verify, "--request": request, "--dry-run": dry_run}
    _require_one(modes, ways)
    if texts is not None and not verify:
        raise BelowTheLineError("--text was given without --verify.", "Give --verify, too.")
    if certificate is not None and (any(ways.values()) or modes["--requests"] or export or import_):
        raise BelowTheLineError(
            "--certificate was given, and nothing is erased.",
            "Give it with an erasure, --pending or --case.",
        )
    current = configuration.settings()
    with connected(current) as connection:
        if case is not None:
            show_certificates([of_case(connection, case)], certificate, as_json=as_json)
        elif requests_:
            print_requests(requests.pending(connection), as_json=as_json)
        elif export is not None:
            _export(connection, export, as_json=as_json)
        elif import_ is not None:
            _import(connection, import_, as_json=as_json)
        elif pending_:
            waiting = pending(connection)
            if waiting:
                _confirm(f"{counted(len(waiting), 'erasure')} will be carried out.", yes)
            show_certificates(_execute(connection, waiting), certificate, as_json=as_json)
        else:
            whom = _given(connection, user_ids, reporters, comments, article, listed)
            if verify:
                from btl.cli.erase_verification import verify as search

                search(current, connection, whom, texts, as_json=as_json)
            elif request:
                print_numbers(requests.add(connection, whom, at, _login()), as_json=as_json)
            elif dry_run:
                _dry_run(_surveyed(connection, whom, at), as_json=as_json)
            else:
                if not yes:
                    print_surveys(_surveyed(connection, whom, at), err=True)
                    _confirm("This cannot be undone.", yes)
                recorded = record(connection, _key(), whom, at, "command", _login())
                done = _execute(connection, recorded.pending)
                show_certificates(done, certificate, as_json=as_json)


def _require_one(modes: Mapping[str, bool], ways: Mapping[str, bool]) -> None:
    """Raise BelowTheLineError unless one thing is asked for, and one way to do it."""
    given = [name for name, is_given in modes.items() if is_given]
    if not given:
        raise BelowTheLineError(
            "Whom to erase is missing.",
            "Give user ids, --reporter, --comment or --list; `btl erase --help` says more.",
        )
    chosen = [name for name, is_given in ways.items() if is_given]
    if len(given) > 1 or len(chosen) > 1 or (chosen and given != ["ids"]):
        names = [*(name for name in given if name != "ids" or len(given) > 1), *chosen]
        raise BelowTheLineError(f"{' and '.join(names)} do not go together.", "Give one of them.")


def _given(
    connection: psycopg.Connection,
    user_ids: Sequence[str] | None,
    reporters: Sequence[str] | None,
    comments: Sequence[str] | None,
    article: str | None,
    listed: Path | None,
) -> list[Subject]:
    found = given_subjects(
        user_ids or (),
        reporters or (),
        comments or (),
        article,
        listed,
        lambda comment_id: _article_of(connection, comment_id),
    )
    if not found:
        raise BelowTheLineError("The list is empty.", LIST_HINT)
    return found


def _article_of(connection: psycopg.Connection, comment_id: str) -> str:
    known = articles_of_comment(connection, comment_id)
    if not known:
        raise BelowTheLineError(
            f"No comment {comment_id} is known.",
            "Give its article, too (--article): then it is erased whenever its events come.",
        )
    if len(known) > 1:
        raise BelowTheLineError(
            f"Comment {comment_id} is known below {len(known)} articles.",
            "Choose one: " + " or ".join(f"--article {each}" for each in known),
        )
    return known[0]


def _key() -> ErasureKey:
    secret = configuration.settings().erasure_key
    return required_key(
        None if secret is None else secret.get_secret_value(), "Erasing makes pseudonyms."
    )


def _surveyed(
    connection: psycopg.Connection, whom: Sequence[Subject], at: datetime | None
) -> list[Surveyed]:
    key = _key()
    found = []
    for each in whom:
        touched = survey(connection, key, each, at)
        if isinstance(each, Person):
            pseudonym = key.pseudonym(each.kind, each.person_id)
            before = earlier(connection, pseudonym)
            found.append(Surveyed(each.kind, case_number(pseudonym), touched, before))
        else:
            found.append(Surveyed("comment", None, touched, None))
    return found


def _dry_run(found: Sequence[Surveyed], *, as_json: bool) -> None:
    if as_json:
        print_json([each.as_document() for each in found])
        return
    print_surveys(found, err=False)
    typer.echo(DRY_RUN)


def _confirm(what: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise BelowTheLineError(
            "An erasure needs a confirmation, and standard input is not a terminal.",
            "Look at --dry-run, then give --yes.",
        )
    typer.confirm(f"{what} Continue?", abort=True, err=True)


def _execute(connection: psycopg.Connection, erasures: Sequence[Pending]) -> list[Certificate]:
    if not erasures:
        return []
    with wiping_progress() as wiped:
        return execute(connection, _key(), erasures, _login(), wiped)


def _export(connection: psycopg.Connection, path: Path, *, as_json: bool) -> None:
    lines = list(exported(connection))
    text = "".join(f"{line}\n" for line in lines)
    if path == STANDARD_INPUT:
        typer.echo(text, nl=False)
        return
    with writing(path), open_private(path) as file:
        file.write(text.encode())
    if as_json:
        print_json({"erasures": len(lines) - 1})
    else:
        typer.echo(f"Wrote {counted(len(lines) - 1, 'erasure')} to {path}.")


def _import(connection: psycopg.Connection, path: Path, *, as_json: bool) -> None:
    with lines_of(path) as lines:
        recorded = imported(connection, _key(), lines, _login())
    new = len(recorded.pending)
    if as_json:
        print_json({"recorded": new, "known": recorded.unchanged})
        return
    typer.echo(
        f"Recorded: {counted(new, 'erasure')}; {recorded.unchanged:,} of the file were known."
    )
    if new:
        typer.echo("`btl erase --pending` carries them out, or apply_erasures within ten minutes.")


def _login() -> str | None:
    """Return who runs the command, as the operating system names it; None: it does not."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return None
