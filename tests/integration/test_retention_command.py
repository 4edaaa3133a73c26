"""``btl retention``: what it shows, what it deletes, and what it says before."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.retention.rules import RULES
from below_the_line.settings import Settings
from btl.stack.checks import System, notices
from tests.commands import Btl, as_role
from tests.simulated_year import Site

pytestmark = pytest.mark.stack


@pytest.fixture
def site(connection: psycopg.Connection) -> Site:
    """Two months of a site, up to now."""
    found = Site(connection, datetime.now(UTC) - timedelta(days=60))
    found.live(60)
    return found


@pytest.fixture
def btl(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Btl:
    return Btl(Settings.model_validate({"database_url": database_url}), monkeypatch)


@pytest.mark.usefixtures("site")
def test_what_is_shown_as_due_is_what_a_dry_run_and_then_the_deletion_says(btl: Btl) -> None:
    shown = json.loads(btl("retention", "show", "--json"))
    due = {each["name"]: each["rows"] for each in shown}
    assert set(due) == {rule.name for rule in RULES}
    assert all(due[name] > 0 for name in ("ledger", "settled_dead_letters", "barriers", "outbox"))
    assert {each["name"]: each["days"] for each in shown if each["days"] == "never"} == {
        "revisions": "never"
    }
    dry = json.loads(btl("retention", "apply", "--dry-run", "--json"))
    assert (dry["done"], dry["rows"]) == (False, due)
    done = json.loads(btl("retention", "apply", "--json"))
    assert (done["done"], done["rows"]) == (True, due)
    assert not any(json.loads(btl("retention", "apply", "--json"))["rows"].values())
    table = btl("retention", "show")
    assert "Airflow's own history is in another database" in table
    for rule in RULES:
        assert rule.name in table
        assert rule.reason in table


def test_only_the_named_rule_is_applied_by_its_setting_in_the_database(
    site: Site, btl: Btl
) -> None:
    btl("migrate")
    btl("settings", "set", "retention_barriers", "50")
    before = site.rows()
    said = btl("retention", "apply", "--only", "barriers")
    assert "barriers" in said
    assert "ledger" not in said
    after = site.rows()
    assert {name for name in after if after[name] != before[name]} == {
        "ingest.barriers",
        "ingest.barrier_offsets",
    }
    (oldest,) = site.connection.execute("select min(taken_at) from ingest.barriers").fetchone() or (
        None,
    )
    assert timedelta(days=49) < datetime.now(UTC) - oldest < timedelta(days=51)


def test_a_rule_that_does_not_exist_is_named(btl: Btl) -> None:
    with pytest.raises(BelowTheLineError, match="no rule of retention 'legder'") as unknown:
        btl("retention", "show", "--only", "legder")
    assert "Did you mean ledger?" in (unknown.value.hint or "")


@pytest.mark.usefixtures("site")
def test_the_logins_of_dags_apply_it_and_those_of_readers_may_not(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BelowTheLineError, match="may not do this"):
        as_role("btl_reader", database_url, monkeypatch)("retention", "apply")
    said = as_role("btl_scheduler", database_url, monkeypatch)("retention", "apply", "--json")
    assert json.loads(said)["rows"]["ledger"] > 0
    assert "ledger" in as_role("btl_owner", database_url, monkeypatch)("retention", "apply")


def test_open_dead_letters_are_announced_by_status_and_show(
    site: Site, btl: Btl, database_url: str
) -> None:
    site.connection.execute(
        "update ingest.dead_letters set dead_lettered_at = now() - interval '340 days'"
        " where status = 'open' and partition = 0"
    )
    sentence = "open ones go within 30 days, the first on"
    assert sentence in btl("retention", "show")
    system = System(Settings.model_validate({"database_url": database_url}), datetime.now(UTC))
    try:
        found = [each for each in notices(system) if sentence in each.sentence]
    finally:
        system.close()
    assert [each.command for each in found] == ["btl dead-letters list"]
