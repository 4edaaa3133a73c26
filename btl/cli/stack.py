"""Commands of the local stack: ``btl up``, ``down``, ``status``, ``logs``, ``env`` and others."""

import os
import shlex
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from below_the_line.errors import BelowTheLineError
from below_the_line.files import writing
from below_the_line.settings import NEVER, from_environment
from btl.cli import configuration, output
from btl.cli.options import AsJson, Yes
from btl.cli.output import Column, print_json, print_table, print_text
from btl.stack.environment import elsewhere, exports
from btl.stack.logs import tail
from btl.stack.ports import DEFAULTS
from btl.stack.psql import environment_of, program_for
from btl.stack.stack import Stack


class Group(StrEnum):
    """A part that can be left out of the stack."""

    POSTGRES = "postgres"
    KAFKA = "kafka"
    AIRFLOW = "airflow"
    CONSUMER = "consumer"


class Ports(StrEnum):
    """How ports are chosen."""

    FIXED = "fixed"
    AUTO = "auto"


def up(
    without: Annotated[
        list[Group] | None,
        typer.Option("--without", help="Part to leave out. Can be given several times."),
    ] = None,
    consumers: Annotated[
        int | None,
        typer.Option(
            min=0, max=64, help="Number of consumer processes. Default: as last time, or one."
        ),
    ] = None,
    ports: Annotated[
        Ports | None,
        typer.Option(
            help="auto: choose free ports, and keep them. Default: as last time, or fixed."
        ),
    ] = None,
) -> None:
    """Start the local stack, or those parts that do not run.

    The parts are Postgres, Kafka, Airflow and the consumers. A part runs elsewhere when
    BTL_DATABASE_URL, BTL_KAFKA_BOOTSTRAP or BTL_AIRFLOW_URL says so. Ports are those of
    BTL_POSTGRES_PORT, BTL_KAFKA_PORT, BTL_KAFKA_CONTROLLER_PORT and BTL_AIRFLOW_PORT.
    """
    stack = this_stack()
    chosen = from_environment()
    explicit = {
        name: port for name in DEFAULTS if (port := getattr(chosen, f"{name}_port")) is not None
    }
    began = time.monotonic()
    with reporting() as reporter, writing(stack.layout.home):
        stack.up(
            without=[group.value for group in without or []],
            consumers=consumers,
            explicit_ports=explicit,
            automatic_ports=None if ports is None else ports is Ports.AUTO,
            external=elsewhere(os.environ),
            airflow_log_days=(
                None if chosen.airflow_log_days == NEVER else chosen.airflow_log_days
            ),
            reporter=reporter,
        )
    _addresses(stack, time.monotonic() - began)
    if consumers is None and stack.consumers == 0 and Group.CONSUMER not in (without or []):
        typer.echo("No consumer runs, as last time: btl up --consumers 1")


def down() -> None:
    """Stop the local stack. The data stay.

    No process keeps running, and no port stays taken.
    """
    stack = this_stack()
    with reporting() as reporter, writing(stack.layout.home):
        stopped = stack.down(reporter)
    typer.echo(
        f"The stack in {stack.layout.home} is down."
        if stopped
        else f"No stack runs in {stack.layout.home}."
    )


def logs(
    part: Annotated[
        str | None, typer.Argument(help="Part, as in `btl status`, or the beginning of its name.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Continue as lines are added, until interrupted.")
    ] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="Number of the last lines of each log.")
    ] = 20,
) -> None:
    """Show the last lines of the logs.

    Of all parts, or of one.
    """
    stack = this_stack()
    found = sorted(stack.layout.logs.glob("*.log")) if stack.layout.exists() else []
    if not found:
        raise BelowTheLineError(
            f"There are no logs in {stack.layout.home}.", "Start the stack: `btl up`."
        )
    wanted = [path for path in found if part is None or path.stem == part] or [
        path for path in found if part is not None and path.stem.startswith(part)
    ]
    if not wanted:
        raise BelowTheLineError(
            f"There is no log of {part!r}.",
            f"These exist: {', '.join(path.stem for path in found)}.",
        )
    width = max(len(path.stem) for path in wanted)
    try:
        for path, line in tail(wanted, lines=lines, follow=follow):
            sys.stdout.write(f"{path.stem:<{width}} | {line}\n" if len(wanted) > 1 else f"{line}\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def env(as_json: AsJson = False) -> None:
    """Print the connection settings, for eval "$(btl env)".

    They are shell exports of the settings of the local stack.
    """
    environment = this_stack().environment()
    if as_json:
        print_json(environment)
    else:
        sys.stdout.write(exports(environment))


def psql(context: typer.Context) -> None:
    """Open psql on the database, as its owner.

    Other arguments are passed to psql: `btl psql -- -c 'select 1'`.
    """
    # Wide tables stay in the terminal, unless somebody chose a pager.
    pager = {} if os.environ.get("PAGER") else {"PSQL_PAGER": os.environ.get("PSQL_PAGER", "")}
    _run_client("psql", context.args, pager)


def pg_dump(context: typer.Context) -> None:
    """Run pg_dump on the database, as its owner.

    Other arguments are passed to it (docs/backup.md).
    """
    _run_client("pg_dump", context.args)


def pg_restore(context: typer.Context) -> None:
    """Run pg_restore on the database, as its owner.

    Other arguments are passed to it (docs/backup.md).
    """
    _run_client("pg_restore", context.args)


def _run_client(name: str, arguments: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    url = (
        configuration.settings().require_database_url()
        if os.environ.get("BTL_DATABASE_URL")
        else this_stack().environment()["BTL_DATABASE_URL"]
    )
    given = environment_of(url)
    program = program_for(given, name)
    environment = dict(os.environ) | given | dict(more or {})
    # No shell is wanted.
    os.execve(program, [program, *arguments], environment)  # noqa: S606


def airflow(context: typer.Context) -> None:
    """Run the airflow command on the stack's Airflow.

    Other arguments are passed to it: `btl airflow -- dags list`.
    """
    environment = this_stack().airflow_environment()
    program = [sys.executable, "-P", "-m", "airflow", *context.args]
    # No shell is wanted.
    environment |= {"PATH": os.environ.get("PATH", "")}
    os.execve(sys.executable, program, environment)  # noqa: S606


def reset(
    yes: Yes = False,
) -> None:
    """Stop the stack and delete its databases, topics and logs.

    Deletes its secrets, too.
    """
    stack = this_stack()
    if not stack.layout.exists():
        typer.echo(f"There is no stack in {stack.layout.home}.")
        return
    if not yes:
        typer.confirm(
            f"Delete the stack in {stack.layout.home}, with its databases and topics?", abort=True
        )
    with reporting() as reporter, writing(stack.layout.home):
        stack.reset(reporter)
    typer.echo(f"The stack in {stack.layout.home} is deleted.")


def this_stack() -> Stack:
    """Return the stack in BTL_HOME."""
    return Stack(from_environment().home)


def data_docs(stack: Stack) -> Path:
    """Return the first page of the Data Docs; it does not exist before the first run."""
    return stack.layout.home / "quality" / "docs" / "index.html"


def relative(path: Path) -> str:
    """Return the path as it is or as seen from the current folder, whichever is shorter."""
    seen = os.path.relpath(path)
    return seen if len(seen) < len(str(path)) else str(path)


def _addresses(stack: Stack, seconds: float) -> None:
    found = stack.environment()
    rows: list[tuple[str, str, str | None]] = []
    addresses = {part.name: part.address for part in stack.status() if part.address}
    for name in ("postgres", "kafka"):
        if name in addresses:
            rows.append((name, addresses[name], None))
    if "BTL_AIRFLOW_URL" in found:
        login = (
            f"user {found['BTL_AIRFLOW_USER']}, password {found['BTL_AIRFLOW_PASSWORD']}"
            if "BTL_AIRFLOW_USER" in found
            else None
        )
        rows.append(("airflow", found["BTL_AIRFLOW_URL"], login))
    out = output.console()
    text = Text("The stack is up", style="bold green")
    print_text(Text.assemble(text, f" after {seconds:.0f} s, in {stack.layout.home}"), out=out)
    print_table(["part", "address", Column("login", wraps=True)], rows, headed=False, out=out)
    if "BTL_AIRFLOW_URL" in found:
        print_text(f"data docs, after a run of data_quality: {relative(data_docs(stack))}", out=out)
    btl = escape(program())
    out.print(f'Settings for this shell: [bold]eval "$({btl} env)"[/].', soft_wrap=True)
    out.print(f"Stop it: [bold]{btl} down[/].", soft_wrap=True)


def program() -> str:
    """Return how this program was called: ``btl``, or the path to it, with BTL_HOME where it is
    set: a shell that does not have it would look for another stack.
    """
    called = sys.argv[0] if Path(sys.argv[0]).name == "btl" and os.sep in sys.argv[0] else "btl"
    if not os.environ.get("BTL_HOME"):
        return shlex.quote(called)
    return f"BTL_HOME={shlex.quote(str(this_stack().layout.home))} {shlex.quote(called)}"


class _Lines:
    """Reports each step in one line: while it runs (on a terminal), and when it has ended.

    Nothing is printed while the lock is held: the console has its own lock, under which it renders
    the running lines.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._lock = console, threading.Lock()
        self._began: dict[str, float] = {}
        self._texts: dict[str, str] = {}

    def begin(self, step: str, text: str) -> None:
        with self._lock:
            self._began[step], self._texts[step] = time.monotonic(), text

    def end(self, step: str, text: str, *, failed: bool = False) -> None:
        with self._lock:
            seconds = time.monotonic() - self._began.pop(step)
            self._texts.pop(step)
        mark = "[red]✗[/]" if failed else "[green]✓[/]"
        self._console.print(
            f"{mark} [bold]{step:<15}[/] {text} [dim]{seconds:.1f} s[/]", soft_wrap=True
        )

    def __rich__(self) -> str:
        now = time.monotonic()
        with self._lock:
            return "\n".join(
                f"[yellow]…[/] [bold]{step:<15}[/] {text} [dim]{now - self._began[step]:.0f} s[/]"
                for step, text in self._texts.items()
            )


@contextmanager
def reporting() -> Iterator[_Lines]:
    """Yield what prints the steps of a start or a stop to standard error."""
    console = Console(stderr=True, highlight=False)
    lines = _Lines(console)
    if console.is_terminal:
        with Live(lines, console=console, refresh_per_second=8, transient=True):
            yield lines
    else:
        yield lines
