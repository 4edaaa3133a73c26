"""The quality gate: checks the expectations with Great Expectations and keeps the results, in a
table, in Data Docs and in the log.

Importing Great Expectations takes seconds and 200 MB, so only a run imports it.
"""

import fcntl
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from psycopg import sql as composed

from below_the_line.database.connections import connect, parameters
from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from below_the_line.quality.checks import SUITES, Check, checks
from below_the_line.resources import sql

if TYPE_CHECKING:
    from great_expectations import ValidationDefinition
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.data_context import AbstractDataContext
    from great_expectations.expectations.expectation import Expectation

MAX_EXAMPLES = 5
"""Rows to keep and show of an expectation that is not met."""
KEPT_RUNS = 48
"""Runs whose pages are kept: two days. Each run reads all pages, so that keeping all of them would
make runs slower and slower.
"""

_MAX_ERROR_LENGTH = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one expectation."""

    check: Check
    success: bool
    unexpected: int | None
    """How many rows do not meet it; None: unknown."""
    examples: Sequence[Any]
    """Some of these rows, or of their values, as JSON values."""
    error: str | None = None
    """Why it could not be checked, in which case it counts as not met; None: it was checked."""

    def __str__(self) -> str:
        check = self.check
        if self.error is not None:
            return f"{check.suite}.{check.name} could not be checked: {self.error}"
        rows = "" if self.unexpected is None else f" ({counted(self.unexpected, 'row')})"
        shown = f", e.g. {json.dumps(self.examples, ensure_ascii=False)}" if self.examples else ""
        return f"{check.relation}: {check.problem}{rows}{shown}. Do: {check.hint}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of a run."""

    run_id: str
    checked_at: datetime
    results: Sequence[Result]
    data_docs: Path
    """Path of the first page of the Data Docs."""

    @property
    def failed(self) -> list[Result]:
        """Return the unmet expectations that keep figures from becoming final."""
        return [
            result
            for result in self.results
            if not result.success and result.check.severity == "fail"
        ]

    @property
    def warned(self) -> list[Result]:
        """Return the unmet expectations that block nothing, but that somebody should look at."""
        return [
            result
            for result in self.results
            if not result.success and result.check.severity == "warn"
        ]


class GateFailedError(BelowTheLineError):
    """Expectations of severity ``fail`` are not met."""

    def __init__(self, outcome: Outcome) -> None:
        count = len(outcome.failed)
        super().__init__(
            f"{count} of {len(outcome.results)} expectations {'is' if count == 1 else 'are'} not"
            " met, and no figures become final until they are:\n"
            + "\n".join(f"- {result}" for result in outcome.failed),
            f"All results are in metrics.quality_results (run_id {outcome.run_id!r}) and in"
            f" {outcome.data_docs}.",
        )


def run_gate(database_url: str, home: Path, run_id: str, kept_runs: int = KEPT_RUNS) -> Outcome:
    """Check all expectations, write ``metrics.quality_results`` and the Data Docs below ``home``,
    and return the results.

    The Data Docs show the last ``kept_runs`` runs, including this one; the table keeps all. Safe to
    repeat: a later run of the same id replaces an earlier one. Runs wait for each other. A run that
    crashes is stored as one that met no expectation. Raises BelowTheLineError when the extra with
    Great Expectations is not installed.
    """
    # Before the import: it logs hundreds of lines.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    try:
        import great_expectations  # noqa: F401 (slow, so not while the lock is held)
    except ImportError:
        raise BelowTheLineError(
            "Great Expectations is not installed.",
            "Install the extra: pip install 'below-the-line[airflow]'.",
        ) from None
    with connect(database_url, application_name="data_quality", autocommit=True) as connection:
        (checked_at,) = connection.execute("select clock_timestamp()").fetchone() or (None,)
        assert isinstance(checked_at, datetime)  # noqa: S101
        try:
            with _locked(home):
                # First, so that the index that this run writes links to no deleted page.
                _delete_old_runs(home, kept_runs - 1)
                checked = _check(database_url, home, run_id)
            results = [_with_examples(connection, result) for result in checked]
        except BaseException as error:
            # Nobody knows what is wrong, so no figures become final until a run completes.
            # Airflow's time-out is a BaseException.
            with suppress(psycopg.Error):
                _store(connection, run_id, checked_at, _results_of_crash(error))
            raise
        outcome = Outcome(run_id, checked_at, results, home / "docs" / "index.html")
        _store(connection, run_id, checked_at, results)
    for result in (*outcome.failed, *outcome.warned):
        log.warning("expectation not met", severity=result.check.severity, result=str(result))
    log.info(
        "quality checked",
        expectations=len(results),
        failed=len(outcome.failed),
        warned=len(outcome.warned),
        data_docs=str(outcome.data_docs),
    )
    return outcome


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Hold a lock on the folder: two runs at once would overwrite each other's suites."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _delete_old_runs(home: Path, kept: int) -> None:
    """Delete results and pages of all runs but the last ``kept`` ones."""
    folders: dict[str, list[Path]] = {}
    for parent in (home / "validations", home / "docs" / "validations"):
        for folder in parent.glob("*/*/"):
            folders.setdefault(folder.name, []).append(folder)
    latest = sorted(
        folders, key=lambda run: max(folder.stat().st_mtime_ns for folder in folders[run])
    )
    for run in latest[: max(0, len(latest) - kept)]:
        for folder in folders[run]:
            shutil.rmtree(folder)


def _context(home: Path) -> "AbstractDataContext":
    """Return a context without a project folder that keeps its results on disk. In memory, each run
    would delete the pages of the runs before it.
    """
    import great_expectations
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    def on_disk(name: str, kind: str) -> dict[str, Any]:
        folder = home / name
        folder.mkdir(parents=True, exist_ok=True)
        return {
            "class_name": kind,
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(folder.resolve()),
            },
        }

    defaults = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    defaults.stores[defaults.expectations_store_name] = on_disk("expectations", "ExpectationsStore")
    defaults.stores[defaults.validation_results_store_name] = on_disk(
        "validations", "ValidationResultsStore"
    )
    defaults.data_docs_sites = {
        "docs": {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str((home / "docs").resolve()),
            },
        }
    }
    configuration = DataContextConfig(
        store_backend_defaults=defaults,
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    return great_expectations.get_context(project_config=configuration, mode="ephemeral")


def _check(database_url: str, home: Path, run_id: str) -> list[Result]:
    import great_expectations
    from great_expectations.checkpoint import UpdateDataDocsAction
    from great_expectations.core.run_identifier import RunIdentifier
    from sqlalchemy.pool import NullPool

    context = _context(home)
    source = context.data_sources.add_or_update_postgres(
        name="below_the_line",
        connection_string=_sqlalchemy_url(database_url),
        # Great Expectations makes engines and never closes them. Without a pool, a connection ends
        # when its query does.
        kwargs={"poolclass": NullPool},
    )
    definitions: list[ValidationDefinition] = []
    by_id: dict[str, Check] = {}
    for suite in SUITES:
        for relation in sorted({check.relation for check in checks() if check.suite == suite}):
            schema, table = relation.split(".")
            name = f"{suite} of {table}"
            expectations = []
            for check in checks():
                if (check.suite, check.relation) == (suite, relation):
                    by_id[f"{suite}.{check.name}"] = check
                    expectations.append(_expectation(check))
            batch = source.add_table_asset(
                name, table_name=table, schema_name=schema
            ).add_batch_definition_whole_table("all")
            written = context.suites.add_or_update(
                great_expectations.ExpectationSuite(name=name, expectations=expectations)
            )
            definitions.append(
                context.validation_definitions.add_or_update(
                    great_expectations.ValidationDefinition(name=name, data=batch, suite=written)
                )
            )
    checkpoint = context.checkpoints.add_or_update(
        great_expectations.Checkpoint(
            name="below the line",
            validation_definitions=definitions,
            result_format={"result_format": "SUMMARY", "partial_unexpected_count": MAX_EXAMPLES},
            actions=[UpdateDataDocsAction(name="docs", site_names=["docs"])],
        )
    )
    ran = checkpoint.run(run_id=RunIdentifier(run_name=run_id.replace("/", "_")))
    return [
        _result(by_id[_check_id(each)], each)
        for validated in ran.run_results.values()
        for each in validated.results
    ]


def _expectation(check: Check) -> "Expectation":
    from great_expectations import expectations

    name, arguments = check.expectation or "", check.arguments
    if check.query is not None:
        # Great Expectations requires a placeholder for its batch. The statements name their tables
        # themselves, because many read several.
        query = f"{check.query.strip().rstrip(';')}\n/* {{batch}} */"
        name, arguments = "UnexpectedRowsExpectation", {"unexpected_rows_query": query}
    made: Expectation = getattr(expectations, name)(
        **arguments,
        severity={"fail": "critical", "warn": "warning"}[check.severity],
        description=check.problem,
        meta={"check": f"{check.suite}.{check.name}", "hint": check.hint},
    )
    return made


def _check_id(each: "ExpectationValidationResult") -> str:
    configuration = each.expectation_config
    if configuration is None or configuration.meta is None:
        raise ValueError("Great Expectations returned a result without its expectation")
    return str(configuration.meta["check"])


def _result(check: Check, each: "ExpectationValidationResult") -> Result:
    found = each.result or {}
    raised = each.exception_info or {}
    infos = [raised] if "raised_exception" in raised else list(raised.values())
    error = next(
        (str(info["exception_message"]) for info in infos if info.get("raised_exception")), None
    )
    if check.query is not None:
        count = found.get("observed_value")
        return Result(check, bool(each.success), None if count is None else int(count), [], error)
    values = [] if each.success else found.get("partial_unexpected_list") or []
    return Result(
        check,
        bool(each.success),
        found.get("unexpected_count"),
        [str(value) for value in values],
        error,
    )


def _with_examples(connection: psycopg.Connection, result: Result) -> Result:
    """Return the result with some of the rows that its statement finds. Great Expectations keeps
    none of them, or all.
    """
    if result.success or result.error is not None or result.check.query is None:
        return result
    query = composed.SQL("select to_json(wrong) from ({}) as wrong limit {}").format(
        composed.SQL(result.check.query), composed.Literal(MAX_EXAMPLES)
    )
    return replace(result, examples=[row for (row,) in connection.execute(query).fetchall()])


def _sqlalchemy_url(database_url: str) -> str:
    from sqlalchemy import URL

    query = parameters(database_url)
    if "," in query.get("host", ""):
        raise BelowTheLineError(
            "Great Expectations takes one host, and the URL of the database names several.",
            "Let the connection of data_quality name the one that can be written to.",
        )
    port = query.pop("port", None)
    return URL.create(
        "postgresql+psycopg",
        username=query.pop("user", None),
        password=query.pop("password", None),
        host=query.pop("host", None),
        port=None if port is None else int(port),
        database=query.pop("dbname", None),
        query=query,
    ).render_as_string(hide_password=False)


def _results_of_crash(error: BaseException) -> list[Result]:
    """Return the results of a run that crashed: no expectation is met."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_ERROR_LENGTH]
    return [Result(check, False, None, [], reason) for check in checks()]


def _store(
    connection: psycopg.Connection, run_id: str, checked_at: datetime, results: Sequence[Result]
) -> None:
    with connection.transaction():
        for result in results:
            check = result.check
            connection.execute(
                sql("quality/store.sql"),
                {
                    "run_id": run_id,
                    "checked_at": checked_at,
                    "suite": check.suite,
                    "expectation": check.name,
                    "relation": check.relation,
                    "column_name": check.column,
                    "severity": check.severity,
                    "success": result.success,
                    "message": (
                        check.problem
                        if result.error is None
                        else f"could not be checked: {result.error}"
                    ),
                    "cure": check.hint,
                    "unexpected": result.unexpected,
                    "examples": json.dumps(result.examples),
                },
            )
