"""What ``btl erase`` prints: surveys, certificates, requests. It never prints the id of a person;
only the list of requests, which people compare with what they were asked, does.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import typer

from below_the_line.erasing.certificate import BY, WHOM, Certificate
from below_the_line.erasing.erasures import SubjectKind
from below_the_line.erasing.requests import Request
from below_the_line.erasing.survey import Touched
from below_the_line.erasing.wiping import Progress
from below_the_line.files import open_private, writing
from below_the_line.plurals import counted
from btl.cli.output import (
    Column,
    clock,
    console,
    print_json,
    print_table,
    print_text,
    printable,
    right,
)
from btl.cli.progress import progress

_MAX_PRINTED = 5
"""Certificates that are printed one by one; of more, the sum is."""


class Surveyed(NamedTuple):
    """What would be erased of one person or comment."""

    kind: SubjectKind
    case: str | None
    """None: of a comment, which gets its number when it is erased."""
    touched: Sequence[Touched]
    earlier: Certificate | None
    """The erasure of the same person before, if there is one."""

    def as_document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "about": self.kind,
            "case": self.case,
            "erased_before_up_to": None if self.earlier is None else self.earlier.erased_at,
            "found": [each._asdict() for each in self.touched],
            "found_in_all": sum(each.rows for each in self.touched),
        }


def print_surveys(found: Sequence[Surveyed], *, err: bool) -> None:
    """Print what would be erased, by place, with keys of some rows."""
    out = console(stderr=err)
    kinds = Counter(each.kind for each in found)
    nouns = {"user": "person", "reporter": "reporter", "comment": "comment"}
    print_text(
        "To be erased: "
        + ", ".join(counted_people(kinds[kind], nouns[kind]) for kind in kinds)
        + ".",
        out=out,
    )
    cases = [each.case for each in found if each.case is not None]
    if cases:
        print_text(f"Case {', '.join(cases)}.", out=out, hanging=2)
    for each in found:
        if each.earlier is not None:
            print_text(
                f"Case {each.case} was erased before, up to {clock(each.earlier.erased_at)}: what"
                " came later is erased now.",
                style="yellow",
                out=out,
                hanging=2,
            )
    rows: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for each in found:
        for touched in each.touched:
            rows[touched.place] += touched.rows
            examples.setdefault(touched.place, []).extend(map(_key, touched.examples))
    if not rows:
        print_text("The database holds nothing of it. It will stay so.", out=out)
        return
    print_table(
        ["place", *right("rows"), Column("for example", cut=True, rank=1)],
        [(place, count, ", ".join(examples[place][:3])) for place, count in rows.items()],
        out=out,
    )


def counted_people(count: int, noun: str) -> str:
    """Return a number of people, or of comments: ``1 person``, ``2 people``."""
    return f"{count:,} people" if noun == "person" and count != 1 else counted(count, noun)


def _key(columns: Mapping[str, Any]) -> str:
    return printable("/".join(map(str, columns.values())))


def show_certificates(
    certificates: Sequence[Certificate], path: Path | None, *, as_json: bool
) -> None:
    """Print certificates, and write them to a file if one is given; ``-`` is standard output."""
    documents = [each.as_document() for each in certificates]
    to_output = path is not None and str(path) == "-"
    if path is not None and not to_output:
        text = (
            orjson.dumps(documents, option=orjson.OPT_INDENT_2).decode() + "\n"
            if path.suffix == ".json"
            else "\n".join(each.as_text() for each in certificates)
        )
        with writing(path), open_private(path) as file:
            file.write(text.encode())
    if as_json:
        print_json(documents)
    elif to_output:
        typer.echo("\n".join(each.as_text() for each in certificates), nl=False)
    else:
        _print_summary(certificates)
    if path is not None and not to_output:
        typer.echo(f"Wrote {counted(len(certificates), 'certificate')} to {path}.", err=True)


def _print_summary(certificates: Sequence[Certificate]) -> None:
    if not certificates:
        typer.echo("Nothing is to be done.")
        return
    for each in certificates[:_MAX_PRINTED]:
        rows = sum(each.found.values())
        asked = f"{WHOM[each.kind]}, asked for by {BY[each.origin]}"
        typer.echo(f"Case {each.case}: erased, {counted(rows, 'row')} ({asked}).")
    if len(certificates) > _MAX_PRINTED:
        rest = len(certificates) - _MAX_PRINTED
        typer.echo(f"… and {rest:,} more: --certificate FILE has all.")


@contextmanager
def wiping_progress() -> Iterator[Progress | None]:
    """Show how many rows are wiped, on standard error; nothing where that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    done = 0
    with progress("Erasing", unit="rows") as update:

        def wiped(_place: str, rows: int) -> None:
            nonlocal done
            done += rows
            update(done)

        yield wiped


def print_requests(found: Sequence[Request], *, as_json: bool) -> None:
    """Print the requests that are open, with whom they are about."""
    if as_json:
        print_json([_request(each) for each in found])
        return
    if not found:
        typer.echo("No request is open.")
        return
    print_table(
        [Column("request", right=True), "about", "id", "asked for", "by", "state"],
        [
            (
                each.request_id,
                each.kind,
                printable(each.subject or f"{each.article_id}/{each.comment_id}"),
                clock(each.requested_at.replace(microsecond=0)),
                each.requested_by and printable(each.requested_by),
                each.state,
            )
            for each in found
        ],
    )


def _request(each: Request) -> dict[str, Any]:
    return {
        "request": each.request_id,
        "about": each.kind,
        "id": each.subject,
        "article_id": each.article_id,
        "comment_id": each.comment_id,
        "erased_up_to": each.erased_at,
        "asked_for_at": each.requested_at,
        "asked_for_by": each.requested_by,
        "state": each.state,
    }


def print_numbers(numbers: Sequence[int], *, as_json: bool) -> None:
    """Print the numbers of requests, and what to do with them."""
    if as_json:
        print_json({"requests": numbers})
        return
    for number in numbers:
        conf = json.dumps({"request": number})
        typer.echo(f"Request {number}: start the DAG erase_commenter with {conf}.")
