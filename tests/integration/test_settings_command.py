"""``btl settings`` over a real database, and what other commands say when the environment does not
agree with it.
"""

import json

import psycopg
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings
from tests.commands import Btl

pytestmark = pytest.mark.stack


def btl_in(database_url: str, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Btl:
    given = {"database_url": database_url, **environment}
    return Btl(Settings.model_validate(given), monkeypatch)


def test_the_zone_of_the_first_migration_is_that_of_every_later_command(
    database_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = btl_in(database_url, monkeypatch, site_timezone="Europe/Vienna")
    assert "setting site_timezone: Europe/Vienna (BTL_SITE_TIMEZONE in the" in first("migrate")
    plain = btl_in(database_url, monkeypatch)
    said = plain("rules", "set", "3d", "--valid-from", "2030-06-01", "--by", "chief")
    assert "published from 2030-06-01 00:00:00 CEST on" in said
    assert connection.execute(
        "select valid_from::text from discussion.closing_rules where created_by = 'chief'"
    ).fetchone() == ("2030-05-31 22:00:00+00",)

    other = btl_in(database_url, monkeypatch, site_timezone="UTC")
    for command in (("rules", "list"), ("top",), ("migrate",)):
        with pytest.raises(BelowTheLineError, match=r"UTC in the environment, but Europe/Vienna"):
            other(*command)
    shown = other("settings", "show")
    assert other.exit_code == 1
    assert "BTL_SITE_TIMEZONE is UTC" in shown
    assert "btl settings set site_timezone UTC" in shown


def test_a_change_is_shown_with_who_when_and_why(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    btl = btl_in(database_url, monkeypatch)
    assert "Never set: site_timezone, close_delay" in btl("settings", "show")
    btl("migrate")
    change = ("settings", "set", "grace", "60", "--by", "chief", "--note", "quicker")
    assert "Dry run" in btl(*change, "--dry-run")
    assert "quicker" not in btl("settings", "show")
    said = btl(*change)
    assert "grace: 60 instead of 3600." in said
    assert "0 closed discussions have figures that are not final yet" in said
    assert "grace is 60 already." in btl(*change)
    shown = json.loads(btl("settings", "show", "--json"))
    (grace,) = (each for each in shown["settings"] if each["name"] == "grace")
    assert (grace["value"], grace["set_by"], grace["note"]) == ("60", "chief", "quicker")
    past = json.loads(btl("settings", "show", "--history", "--json"))["settings"]
    assert [each["value"] for each in past if each["name"] == "grace"] == ["3600", "60"]
