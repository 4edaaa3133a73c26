"""The rules of retention: when something is old enough, and what a rule must say."""

from datetime import UTC, datetime, timedelta

import pytest

from below_the_line import resources
from below_the_line.errors import BelowTheLineError
from below_the_line.retention.rules import RULES, next_due, selected
from below_the_line.settings import SITE_SETTINGS, Settings
from btl.cli.output import size

NOW = datetime(2026, 5, 31, tzinfo=UTC)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_a_site_setting_a_reason_and_its_statements(rule: object) -> None:
    assert rule in RULES
    (found,) = (each for each in RULES if each == rule)
    assert found.setting in SITE_SETTINGS
    assert f"`{found.name}`" in (resources.ROOT / "docs/retention.md").read_text(encoding="utf-8")
    assert found.reason.endswith(".")
    statements = {path.name for path in (resources.SQL / "retention" / found.name).iterdir()}
    assert "due.sql" in statements
    assert {"delete.sql", "fold.sql"} & statements


def test_something_is_old_enough_after_its_days_and_never_if_never() -> None:
    (rule,) = selected(["ledger"])
    settings = Settings.model_validate({"retention_ledger": 3})
    assert rule.before(settings, NOW) == NOW - timedelta(days=3)
    assert next_due(rule, settings, NOW) == NOW + timedelta(days=3)
    assert next_due(rule, settings, None) is None
    never = Settings.model_validate({"retention_ledger": "never"})
    assert rule.before(never, NOW) is None
    assert next_due(rule, never, NOW) is None


def test_the_docs_have_the_defaults_of_the_code() -> None:
    text = (resources.ROOT / "docs/retention.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"| `{rule.name}` | {rule.default} |" in text


def test_rules_are_selected_in_their_order() -> None:
    assert selected(()) == RULES
    assert [rule.name for rule in selected(["outbox", "ledger"])] == ["ledger", "outbox"]
    with pytest.raises(BelowTheLineError, match="no rule of retention 'x'"):
        selected(["ledger", "x"])


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (1_449_000, "1.4 MB"),
        (99_940, "99.9 kB"),
        (99_960, "100 kB"),
        (999_500, "1.0 MB"),
        (7 * 10**12, "7.0 TB"),
    ],
)
def test_a_size_is_in_its_greatest_unit(count: int, words: str) -> None:
    assert size(count) == words
