"""``btl status``: the parts of the local stack, and what needs somebody."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import typer
from rich.markup import escape
from rich.text import Text

from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings, from_environment
from btl.cli import output
from btl.cli.edge import ends_with
from btl.cli.options import AsJson
from btl.cli.output import Column, age, print_json, print_table, printable
from btl.cli.stack import data_docs, relative, this_stack
from btl.stack.checks import Notice, System, notices
from btl.stack.stack import PartStatus, Stack

_SERVICES = ("postgres", "kafka")


def status(as_json: AsJson = False) -> None:
    """Show each part of the stack: state, uptime, address, log file.

    A running part that does not answer is silent; a consumer that does not work is unready. Below
    the table are the things that need somebody, each with a command that helps, and where the Data
    Docs are. Exit status 1 if a part does not run that should, or if somebody is needed.
    """
    stack = this_stack()
    parts = stack.status(probe=True)
    if not parts:
        raise BelowTheLineError(
            f"There is no stack in {stack.layout.home}.", "Start one: `btl up`."
        )
    now = datetime.now(UTC)
    found = _notices(stack, parts, now)
    wrong = not all(part.well for part in parts) or any(notice.wrong for notice in found)
    ends_with(int(wrong))
    if as_json:
        print_json([*map(_document, parts), *map(_noticed, found)])
    else:
        _print(stack, parts, found, now)
    if wrong:
        raise typer.Exit(1)


def _notices(stack: Stack, parts: Sequence[PartStatus], now: datetime) -> list[Notice]:
    """Return what the checks say, and then what consumers say that they did not."""
    away = frozenset(part.name for part in parts if part.name in _SERVICES and not part.well)
    upgrade = "btl up" if stack.runs_postgres else "btl migrate"
    with closing(System(_settings(stack), now, away, upgrade=upgrade)) as system:
        found = notices(system)
    older = [part.name for part in parts if part.older]
    if older and not any(notice.command == "btl up" for notice in found):
        found.append(
            Notice(", ".join(older), "began with older software than is installed", "btl up", False)
        )
    named = {notice.subject for notice in found}
    for part in parts:
        found += [
            Notice(part.name, sentence.rstrip("."))
            for sentence in part.because
            if named.isdisjoint(sentence.replace(":", " ").split())
        ]
    return found


def _settings(stack: Stack) -> Settings:
    """Return the settings of the stack, whatever services the shell's own settings name."""
    there = stack.environment()
    fields: dict[str, object] = {
        "database_url": there.get("BTL_DATABASE_URL"),
        "kafka_bootstrap": there.get("BTL_KAFKA_BOOTSTRAP"),
    }
    if stack.runs_kafka:
        fields["kafka_security_protocol"] = "PLAINTEXT"
    from_environment()  # says which variable is wrong
    return Settings(**fields)  # type: ignore[arg-type]


def _document(part: PartStatus) -> dict[str, object]:
    return {
        "part": part.name,
        "state": part.state,
        "well": part.well,
        "since": part.since,
        "process": part.pid,
        "address": part.address or None,
        "log": str(part.log) if part.log else None,
        "sentence": None,
        "command": None,
    }


def _noticed(notice: Notice) -> dict[str, object]:
    return {
        "part": notice.subject,
        "state": "notice",
        "well": not notice.wrong,
        **dict.fromkeys(("since", "process", "address", "log")),
        "sentence": notice.sentence,
        "command": notice.command,
    }


def _print(
    stack: Stack, parts: Sequence[PartStatus], found: Sequence[Notice], now: datetime
) -> None:
    print_table(
        [
            "part",
            "state",
            Column("uptime", right=True, rank=2),
            Column("process", right=True, rank=3),
            Column("address", rank=1),
            Column("log", rank=4),
        ],
        [
            (
                part.name,
                Text(part.state, "green" if part.well else "red"),
                age(part.since, now) if part.since else None,
                str(part.pid or ""),
                part.address,
                relative(part.log) if part.log else None,
            )
            for part in parts
        ],
    )
    out = output.console()
    for notice in found:
        colour = "red" if notice.wrong else "yellow"
        helps = f": [bold]{escape(notice.command)}[/]" if notice.command else ""
        out.print(
            f"[{colour}]{escape(printable(notice.subject))}[/]:"
            f" {escape(printable(notice.sentence))}{helps}"
        )
    page = data_docs(stack)
    if page.is_file():
        out.print(f"data docs: {escape(relative(page))}")
