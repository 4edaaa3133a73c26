"""Every command that prints a table or a result has --json."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from below_the_line.accounting.audit import Finding, PartitionAccount, Report
from below_the_line.accounting.ledger import Marks
from below_the_line.closing.rules import Rule
from below_the_line.metrics.drift import Difference
from below_the_line.partitions import PartitionLog, PartitionStatus, Position, RequiredDecision
from below_the_line.settings import Settings
from btl.cli.main import app
from tests.commands import Btl

WITHOUT = {
    "airflow",
    "consume",
    "archive mapping",  # writes TOML
    "demo",
    "down",
    "export",  # has --format
    "logs",
    "metrics docs",
    "pg_dump",
    "pg_restore",
    "psql",
    "reset",
    "schemas asyncapi",
    "schemas sql",
    "up",
}
"""Commands that start, stop or write something, or that run another program."""


def commands(group: TyperGroup, prefix: str = "") -> Iterator[tuple[str, TyperCommand]]:
    for name in group.commands:
        _, command, _ = group.resolve_command(typer.Context(group), [name])
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{name} ")
        else:
            assert isinstance(command, TyperCommand)
            yield prefix + name, command


def test_every_command_with_a_result_prints_json() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    without = {
        name
        for name, command in commands(root)
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert without == WITHOUT


@pytest.mark.parametrize("name", ["topics create", "migrate", "dead-letters show"])
def test_the_option_is_the_same_everywhere(name: str) -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    (option,) = [each for each in dict(commands(root))[name].params if "--json" in each.opts]
    assert getattr(option, "help", "") == "Print JSON (docs/command-line.md)."


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Report, "consumer_group partitions findings marks away"),
        (
            PartitionAccount,
            "topic partition contiguous incarnations batches empties gaps resets redrives"
            " gap_offsets records applied unchanged dead_lettered first_at last_at ledger_end"
            " next_offset log_start log_end lag open_transaction",
        ),
        (Finding, "partition sentence command kind"),
        (Marks, "articles articles_since windows windows_since"),
        (PartitionStatus, "consumer_group topic partition position log required_decision"),
        (
            Position,
            "consumer_group topic partition topic_id incarnation next_offset epoch owner moved_at"
            " status status_detail accepted_offset owner_connected",
        ),
        (PartitionLog, "topic_id start end open_transaction"),
        (RequiredDecision, "blocker sentence command"),
        (
            Rule,
            "rule_id scope site section window_hours reactions_window_hours valid_from valid_until"
            " created_at created_by note retroactive standing",
        ),
        (Difference, "table key column stored computed"),
    ],
)
def test_what_is_printed_as_json_keeps_its_names(kind: Any, names: str) -> None:
    """Scripts read them: add names at the end of this list, and never take one away."""
    assert [each.name for each in dataclasses.fields(kind)] == names.split()


def test_an_audit_as_json_has_its_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report("group", (), (), Marks(0, None, 0, None))
    monkeypatch.setattr("btl.cli.audit.site_settings", Settings)
    monkeypatch.setattr("btl.cli.audit.connected", lambda _: nullcontext())
    monkeypatch.setattr("btl.cli.audit.run_audit", lambda *_: report)
    found = json.loads(Btl(Settings(), monkeypatch)("audit", "--json"))
    assert found["summary"] == "Everything adds up: 0 records in 0 partitions: " + (
        "0 applied, 0 unchanged, 0 dead-lettered, 0 still to be read."
    )
