"""A task that waits until a second person has decided."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context

ERASE: Final = "Erase"
KEEP: Final = "Do not erase"
_PATIENCE: Final = timedelta(days=7)


class SecondPerson(HITLOperator):
    """Waits until somebody chooses between erasing and not erasing; not who started the run.

    Returns ``{"choice": …, "by": …}``. Waits for nobody in a dry run, or if
    ``BTL_ERASURE_APPROVAL`` is off. Fails if nobody decides within a week, or if who started the
    run does.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(options=[ERASE, KEEP], response_timeout=_PATIENCE, **arguments)

    def execute(self, context: "Context") -> Any:
        """Ask, unless nobody needs to be asked."""
        from btl_airflow.settings import settings

        if context["params"]["dry_run"]:
            return {"choice": KEEP, "by": None}
        if settings().erasure_approval == "off":
            return {"choice": ERASE, "by": None}
        return super().execute(context)

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> Any:
        """Return what was chosen. Raises AirflowFailException if one person did all."""
        super().execute_complete(context, event)
        return decision(
            getattr(context["dag_run"], "triggering_user_name", None),
            event["chosen_options"],
            event["responded_by_user"],
        )


def decision(
    started_by: str | None, chosen: list[str], responded_by: Mapping[str, str] | None
) -> dict[str, str | None]:
    """Return what was chosen, and by whom. Raises AirflowFailException if one person both started
    the run and approved.
    """
    names = set() if responded_by is None else {responded_by["id"], responded_by["name"]}
    if ERASE in chosen and started_by in names:
        raise AirflowFailException(
            f"{started_by} started this run, and cannot approve it: a second person must. Nothing"
            " was erased, and the request stays open. Start another run, or set"
            " BTL_ERASURE_APPROVAL=off where nobody else can approve."
        )
    return {
        "choice": ERASE if ERASE in chosen else KEEP,
        "by": None if responded_by is None else responded_by["name"],
    }
