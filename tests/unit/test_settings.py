"""Settings of the environment: what is wrong is named in plain words, and what is unknown, too."""

from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from below_the_line.errors import BelowTheLineError
from below_the_line.settings import from_environment, unknown_variables
from btl.cli import configuration
from btl.cli.main import app


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("BTL_SOURCES", "{bad", "it is not JSON (Expecting property name"),
        ("BTL_SOURCES", "[]", "should be a JSON object (got [])."),
        ("BTL_SOURCES", '{"/cms": "x"}', "'/cms': should be a list (got 'x')."),
        ("BTL_SOURCES", '{"/cms": [1]}', "'/cms': 0: should be a text (got 1)."),
        ("BTL_HTTP_PORT", "many", "should be a whole number (got 'many')."),
        ("BTL_HTTP_PORT", "0", "should be greater than or equal to 1 (got '0')."),
        ("BTL_CLOSE_DELAY", "2m", "should be a whole number (got '2m')."),
        ("BTL_LEDGER_SECONDS", "x", "should be a number (got 'x')."),
        ("BTL_LOG_FORMAT", "xml", "should be one of auto, json, console (got 'xml')."),
        ("BTL_SITE_TIMEZONE", "Wien", "is not an IANA time zone, such as Europe/Vienna"),
    ],
)
def test_a_wrong_value_is_named_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BelowTheLineError) as told:
        from_environment()
    assert told.value.message.startswith(f"{variable} is not usable: {words}")


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("BTL_CLOSE_DELAYS", "BTL_CLOSE_DELAY"),
        ("BTL_CLOSE_DELAY_SECONDS", "BTL_CLOSE_DELAY"),
        ("BTL_BATCH_RECORD", "BTL_BATCH_RECORDS"),
        ("btl_site_timzone", "BTL_SITE_TIMEZONE"),
        ("BTL_KAFKA_FOO", None),
        ("BTL_X", None),
    ],
)
def test_an_unknown_variable_is_found_and_only_a_near_name_is_offered(
    variable: str, meant: str | None
) -> None:
    known = {"BTL_CLOSE_DELAY": "1", "BTL_STACK": "/x", "BTL_TEST_HOME": "/x", "BTL_PROVE": "1"}
    assert list(unknown_variables(known | {variable: "set", "OTHER": "1"})) == [(variable, meant)]
    assert list(unknown_variables({variable: ""})) == []


def test_a_command_warns_once_of_a_variable_that_nothing_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BTL_CLOSE_DELAYS", "5")
    done = CliRunner().invoke(app, ["validate", "schemas/topics.yaml", "--json"])
    assert done.stderr.count("BTL_CLOSE_DELAYS") == 1
    assert (
        "btl: BTL_CLOSE_DELAYS is not a setting, and is ignored. Did you mean BTL_CLOSE_DELAY?\n"
        in done.stderr
    )
    assert "BTL_CLOSE_DELAYS" not in done.stdout


def test_brokers_like_a_url_are_not_taken_for_a_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("BTL_HOME", str(tmp_path))
    monkeypatch.delenv("BTL_DATABASE_URL", raising=False)
    monkeypatch.setenv("BTL_KAFKA_BOOTSTRAP", "http://foo")
    configuration.settings.cache_clear()
    try:
        assert configuration.settings().kafka_bootstrap == "http://foo"
    finally:
        configuration.settings.cache_clear()


def test_a_stack_without_a_broker_is_said_to_have_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("BTL_DATABASE_URL", "BTL_KAFKA_BOOTSTRAP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BTL_HOME", str(tmp_path))
    connections = {"BTL_HOME": str(tmp_path), "BTL_DATABASE_URL": "postgresql://db.example/x"}
    stack = import_module("btl.stack.stack")
    monkeypatch.setattr(stack, "running_environment", lambda _: connections)
    configuration.settings.cache_clear()
    try:
        found = configuration.settings()
        assert found.require_database_url() == "postgresql://db.example/x"
        with pytest.raises(BelowTheLineError, match="No Kafka broker is configured") as caught:
            found.require_kafka_bootstrap()
        assert f"the stack in {tmp_path} runs without one" in caught.value.message
        assert "Run `btl up`" in caught.value.hint
        # With a broker that is not the stack's nothing is taken from the stack.
        monkeypatch.setenv("BTL_KAFKA_BOOTSTRAP", "kafka.example:9092")
        configuration.settings.cache_clear()
        with pytest.raises(BelowTheLineError, match="BTL_KAFKA_BOOTSTRAP is set, so none is taken"):
            configuration.settings().require_database_url()
    finally:
        configuration.settings.cache_clear()
