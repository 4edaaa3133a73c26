"""Parameters of DAG runs: the fields of the forms, and the rejection of names that a DAG does not
have.

A field has no ``section``: Airflow's form opens with every section but its own default one closed,
and a form of closed sections looks empty.
"""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError

if TYPE_CHECKING:
    from airflow.sdk import Context


def optional_text(title: str, description: str, **schema: Any) -> Param:
    """Return a text field that may stay empty. ``schema``: more keywords of JSON Schema."""
    return Param(None, type=["null", "string"], title=title, description=description, **schema)


def optional_time(title: str, description: str) -> Param:
    """Return a field for a date and time that may stay empty."""
    return optional_text(title, description, format="date-time")


def optional_day(title: str, description: str) -> Param:
    """Return a field for a date that may stay empty."""
    return optional_text(title, description, format="date")


def optional_list(title: str, description: str, *, choices: Sequence[str] | None = None) -> Param:
    """Return a field for several texts that may stay empty. ``choices``: the texts to choose
    from; None: any text.
    """
    schema: dict[str, Any] = {"items": {"type": "string"}}
    if choices is not None:
        # The form offers the examples; the enumeration rejects every other text.
        schema = {"items": {"type": "string", "enum": list(choices)}, "examples": list(choices)}
    # The form sends null for a field that was filled and emptied again.
    return Param([], type=["null", "array"], title=title, description=description, **schema)


def unknown_names(
    given: Collection[str], known: Collection[str], hint: str | None = None
) -> str | None:
    """Return a sentence that names the parameters that a DAG does not have; None if it has all.

    ``hint``: what to do about it, as a further sentence.
    """
    unknown = sorted(set(given) - set(known))
    if not unknown:
        return None
    named = []
    for name in unknown:
        nearest = difflib.get_close_matches(name, known, n=1)
        named.append(repr(name) + (f" (did you mean {nearest[0]!r}?)" if nearest else ""))
    return (
        f"This DAG has no parameter {', '.join(named)}. "
        + (f"It has these: {', '.join(known)}." if known else "It has none.")
        + " Nothing was done."
        + ("" if hint is None else f" {hint}")
    )


def settle_params(
    former_names: Mapping[str, str], unknown_hint: str | None = None
) -> "Callable[[Context], None]":
    """Return what a task does before it runs: reject a run whose parameters the DAG does not have.

    A retry would fail in the same way, so the task fails at once. ``former_names``: earlier names
    that are still understood, with the present ones. ``unknown_hint``: what to do about parameters
    that the DAG does not have.
    """

    def settle(context: "Context") -> None:
        defined, params = context["dag"].params, context["params"]
        given = set(context["dag_run"].conf or {})
        problem = unknown_names(given - former_names.keys(), list(defined), unknown_hint)
        if problem is not None:
            raise AirflowFailException(problem)
        for former, name in former_names.items():
            if former not in given:
                continue
            if name in given:
                raise AirflowFailException(
                    f"{former!r} is the former name of {name!r}: give {name!r} only. Nothing was"
                    " done."
                )
            try:
                params[name] = defined.get_param(name).resolve(params.pop(former))
            except ParamValidationError as error:
                raise AirflowFailException(f"Parameter {former!r}: {error}") from None

    return settle
