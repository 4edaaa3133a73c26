"""Settings: read once from the environment (prefix ``BTL_``) into one frozen object."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal
from zoneinfo import available_timezones

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from below_the_line.errors import BelowTheLineError

SITE_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "site_timezone": "site_timezone",
        "close_delay": "close_delay_seconds",
        "grace": "grace_seconds",
        "consumer_group": "consumer_group",
        **{
            name: name
            for name in (
                *("retention_settled_dead_letters", "retention_open_dead_letters"),
                *("retention_ledger", "retention_outbox", "retention_barriers"),
                *("retention_quality_results", "retention_audit_results"),
                *("retention_superseded_states", "retention_revisions", "retention_airflow"),
            )
        },
    }
)
"""The fields of ``Settings`` that all processes must agree on, so that the database keeps them
(``below_the_line.site_settings``), by their names there: those of their environment variables in
lower case, without BTL_.
"""

NEVER: Final = "never"
Days = int | Literal["never"]
"""A number of days after which something is deleted."""
_MAX_DAYS = 36_500
_LEAST_DAYS: Final[Mapping[str, int]] = MappingProxyType({"retention_quality_results": 8})
"""Settings of retention that must be more than a day. What failed within seven days keeps figures
from becoming final.
"""


def variable(name: str) -> str:
    """Return the environment variable of a site setting."""
    return f"BTL_{name.upper()}"


def _retention(what: str) -> str:
    return f"Days after which {what}, or never. Kept in the database: `btl settings`."


class Settings(BaseSettings):
    """All settings. Each field ``name`` is read from the environment variable ``BTL_NAME``."""

    model_config = SettingsConfigDict(
        env_prefix="BTL_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    home: Path = Field(default=Path(".btl"), description="Folder of the local stack's state.")
    database_url: SecretStr | None = Field(default=None, description="Postgres, as a libpq URL.")
    kafka_bootstrap: str | None = Field(
        default=None, description="Kafka brokers, host:port, separated by commas."
    )
    kafka_security_protocol: str = Field(
        default="PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    kafka_sasl_mechanism: str | None = Field(
        default=None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    kafka_sasl_username: str | None = Field(default=None, description="User name for SASL.")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="Password for SASL.")
    kafka_ssl_cafile: Path | None = Field(
        default=None, description="File of the certificates that brokers are checked against."
    )
    consumer_group: str = Field(
        default="below-the-line",
        min_length=1,
        description="Consumer group of the ingest. Kept in the database: `btl settings`.",
    )
    site_timezone: str = Field(
        default="UTC",
        description=(
            "IANA time zone of the site, for days and for display. Kept in the database: `btl"
            " settings`."
        ),
    )
    airflow_url: str | None = Field(default=None, description="Airflow's API server.")
    airflow_user: str = Field(default="admin", description="User of Airflow's API.")
    airflow_password: SecretStr | None = Field(default=None, description="Password of that user.")
    reader_database_url: SecretStr | None = Field(
        default=None, description="Postgres as btl_reader: metrics only."
    )
    moderator_database_url: SecretStr | None = Field(
        default=None, description="Postgres as btl_moderator: metrics, and who reported what."
    )
    postgres_port: int | None = Field(
        default=None, ge=1, le=65535, description="Local stack: Postgres' port (25432)."
    )
    kafka_port: int | None = Field(
        default=None, ge=1, le=65535, description="Local stack: the broker's port (29092)."
    )
    kafka_controller_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Local stack: the port of Kafka's controller (29093).",
    )
    airflow_port: int | None = Field(
        default=None, ge=1, le=65535, description="Local stack: Airflow's port (28080)."
    )
    airflow_log_days: Days = Field(
        default=30,
        description=(
            "Days after which `btl up` and the DAG retention delete Airflow's logs of tasks and DAG"
            " files, or never."
        ),
    )
    consumer_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Local stack: the first consumer's /metrics (28100).",
    )
    http_host: str = Field(
        default="127.0.0.1", description="Consumer: address of /metrics, /healthz and /readyz."
    )
    http_port: int | None = Field(
        default=None, ge=1, le=65535, description="Consumer: port of these; not served if unset."
    )
    session_seconds: float = Field(
        default=10,
        ge=1,
        le=300,
        description="Seconds of silence after which a consumer loses its partitions.",
    )
    batch_records: int = Field(
        default=5_000,
        ge=1,
        le=100_000,
        description="Number of records at which a batch is written.",
    )
    batch_seconds: float = Field(
        default=0.1,
        gt=0,
        le=60,
        description="Seconds after its first record at which a batch is written.",
    )
    sources: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description=(
            'Who sends what, as JSON: {"/cms": ["article.*"], "/comments": ["comment.*"]}. Events'
            " of others are applied, counted and alerted about."
        ),
    )
    ledger_seconds: float = Field(
        default=10,
        ge=0,
        le=600,
        description="Seconds of progress in one line of the ledger (0: each batch has its own).",
    )
    close_delay_seconds: int = Field(
        default=120,
        ge=0,
        alias="BTL_CLOSE_DELAY",
        description=(
            "Seconds between a window's end and its closing. Kept in the database: `btl settings`."
        ),
    )
    grace_seconds: int = Field(
        default=3_600,
        ge=0,
        alias="BTL_GRACE",
        description=(
            "Seconds between closing and final metrics. Kept in the database: `btl settings`."
        ),
    )
    retention_settled_dead_letters: Days = Field(
        default=30,
        description=_retention("dead letters that were redriven or discarded are deleted"),
    )
    retention_open_dead_letters: Days = Field(
        default=365, description=_retention("open dead letters are deleted")
    )
    retention_ledger: Days = Field(
        default=14,
        description=_retention("lines of the ledger are folded into one for each UTC day"),
    )
    retention_outbox: Days = Field(
        default=30, description=_retention("events that were sent leave the outbox")
    )
    retention_barriers: Days = Field(
        default=30, description=_retention("barriers of closing runs are deleted")
    )
    retention_quality_results: Days = Field(
        default=90,
        description=_retention("results of the quality gate are deleted; at least 8"),
    )
    retention_audit_results: Days = Field(
        default=90, description=_retention("results of audits are deleted")
    )
    retention_superseded_states: Days = Field(
        default=365,
        description=_retention("superseded rows of the history of discussions are deleted"),
    )
    retention_revisions: Days = Field(
        default=NEVER, description=_retention("earlier final figures are deleted")
    )
    retention_airflow: Days = Field(
        default=30, description=_retention("Airflow's own history is deleted")
    )
    quality_home: Path | None = Field(
        default=None,
        description=(
            "Folder of the quality gate's suites and Data Docs (quality/ below BTL_HOME)."
        ),
    )
    alert_url: SecretStr | None = Field(
        default=None,
        description=(
            "A webhook for failures: DAGs and consumers POST {dag, task, run, message} as JSON."
        ),
    )
    erasure_key: SecretStr | None = Field(
        default=None,
        description=(
            "The key of the pseudonyms of erased people: one for ever, the same in all processes."
            " docs/erasure.md says how to keep it."
        ),
    )
    erasure_approval: str = Field(
        default="second_person",
        pattern="^(second_person|off)$",
        description=(
            "Airflow: who approves a run of `erase_commenter`: second_person (not who started it),"
            " or off: nobody is asked."
        ),
    )
    log_format: str = Field(
        default="auto", pattern="^(auto|json|console)$", description="json, console or auto."
    )

    _has_stack: bool = PrivateAttr(default=False)
    """Whether they are those of the local stack, which runs."""

    @classmethod
    def of_stack(cls, fields: Mapping[str, Any]) -> "Settings":
        """Return the settings of the environment with those of the local stack, which runs."""
        found = cls(**fields)
        found._has_stack = True
        return found

    @field_validator("site_timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not an IANA time zone, such as Europe/Vienna")
        return value

    @field_validator(
        "airflow_log_days",
        *(name for name in SITE_SETTINGS if name.startswith("retention_")),
        mode="before",
    )
    @classmethod
    def _days_or_never(cls, value: object, info: ValidationInfo) -> object:
        least = _LEAST_DAYS.get(info.field_name or "", 1)
        if value == NEVER:
            return value
        if str(value).isdecimal() and least <= int(str(value)) <= _MAX_DAYS:
            return int(str(value))
        raise ValueError(f"should be a whole number of days from {least} on, or never")

    def _missing(
        self, what: str, variable: str, other: str, other_is_set: bool
    ) -> BelowTheLineError:
        home = self.home.absolute()
        if self._has_stack:
            return BelowTheLineError(
                f"No {what} is configured, and the stack in {home} runs without one.",
                f"Run `btl up`, which starts it, or set {variable}.",
            )
        if other_is_set and home.is_dir():
            # Events of one system must not be loaded into another.
            return BelowTheLineError(
                f"No {what} is configured. {other} is set, so none is taken from the stack in"
                f" {home}.",
                f"Set {variable} as well (`btl env` shows the stack's), or unset {other}. If it is"
                " the stack's: `btl up`.",
            )
        where = (
            f"the stack in {home} does not run" if home.is_dir() else f"there is no stack in {home}"
        )
        return BelowTheLineError(
            f"No {what} is configured, and {where}.", f"Run `btl up`, or set {variable}."
        )

    def quality_folder(self) -> Path:
        """Return the folder of the quality gate's files."""
        return self.quality_home or self.home / "quality"

    def require_database_url(self) -> str:
        """Return the database's URL. Raises BelowTheLineError if none is set."""
        if self.database_url is None:
            raise self._missing(
                "database",
                "BTL_DATABASE_URL",
                "BTL_KAFKA_BOOTSTRAP",
                self.kafka_bootstrap is not None,
            )
        return self.database_url.get_secret_value()

    def require_kafka_bootstrap(self) -> str:
        """Return the brokers' addresses. Raises BelowTheLineError if none are set."""
        if self.kafka_bootstrap is None:
            raise self._missing(
                "Kafka broker",
                "BTL_KAFKA_BOOTSTRAP",
                "BTL_DATABASE_URL",
                self.database_url is not None,
            )
        return self.kafka_bootstrap


def from_environment() -> Settings:
    """Return the settings of the environment.

    Raises BelowTheLineError that names a wrong or an unknown variable.
    """
    _reject_unknown(os.environ)
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        variable = name if name.startswith("BTL_") else f"BTL_{name.upper()}"
        # What a variable with a secret holds does not belong on a screen or into a log.
        is_secret = "Secret" in str(getattr(Settings.model_fields.get(name), "annotation", ""))
        got = "" if is_secret else f" (got {first['input']!r})"
        within = "".join(f"{part!r}: " for part in first["loc"][1:])
        raise BelowTheLineError(
            f"{variable} is not usable: {within}{_in_words(first)}{got}.",
            "Correct it or unset it.",
        ) from None
    except SettingsError as error:
        # A value that is not JSON; the field's name stands only in the text.
        field = re.search(r'field "(\w+)"', str(error))
        variable = "A BTL_ variable" if field is None else f"BTL_{field[1].upper()}"
        raise BelowTheLineError(
            f"{variable} is not usable: it is not JSON ({error.__cause__ or error}).",
            "Correct it or unset it.",
        ) from None


_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dict_type": "should be a JSON object",
        "tuple_type": "should be a list",
        "string_type": "should be a text",
        "int_parsing": "should be a whole number",
        "int_from_float": "should be a whole number",
        "float_parsing": "should be a number",
    }
)
"""What is wrong with a value, by the kind of pydantic's error, where its own words are for
programmers.
"""


def _in_words(error: Any) -> str:
    """Return a clause that says what is wrong with a value."""
    if error["type"] == "string_pattern_mismatch":
        allowed = re.fullmatch(r"\^\((.+)\)\$", error["ctx"]["pattern"])
        if allowed is not None:
            return f"should be one of {', '.join(allowed[1].split('|'))}"
    said: str = error["msg"]
    return _WORDS.get(
        error["type"],
        re.sub(r"^(Value error, |(Input|String|Value)(?= should))", "", said).strip(),
    )


def unknown_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Yield each BTL_ variable that nothing reads, with the name that was probably meant.

    Empty ones do not count, nor do those of the project's own machinery (`_OTHERS`).
    """
    names = _names()
    for variable, value in environment.items():
        upper = variable.upper()
        if (
            value
            and upper.startswith("BTL_")
            and upper not in names.values()
            and not upper.startswith(_OTHERS)
        ):
            # The prefix is alike in all: compared as well, it would make any two names near.
            near = difflib.get_close_matches(
                upper.removeprefix("BTL_"), names, n=1, cutoff=_SIMILARITY
            )
            yield variable, names[near[0]] if near else None


_OTHERS = (
    *("BTL_ENV_HOME", "BTL_STACK", "BTL_PART", "BTL_PYTHON", "BTL_SOCKETS"),
    *("BTL_VERSION", "BTL_TEST_", "BTL_PROVE"),
)
"""Beginnings of names that are not settings: marks of a local stack, of compose, of the tests."""
_SIMILARITY = 0.8


def _names() -> dict[str, str]:
    """Return the variables of all settings, by the names of fields and variables without BTL_."""
    found: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        variable = field.alias or f"BTL_{name.upper()}"
        found |= {name.upper(): variable, variable.removeprefix("BTL_"): variable}
    return found


CLOSED = "BTL_KAFKA_"
"""Settings of security. One with another name would be unused, and nobody would hear of it."""


def _reject_unknown(environment: Mapping[str, str]) -> None:
    for variable, meant in unknown_variables(environment):
        if variable.upper().startswith(CLOSED):
            known = (name for name in _names().values() if name.startswith(CLOSED))
            raise BelowTheLineError(
                f"{variable} is not a setting.",
                f"Did you mean {meant}? Correct it or unset it."
                if meant
                else f"Unset it. Settings of Kafka are {', '.join(dict.fromkeys(known))}.",
            )
