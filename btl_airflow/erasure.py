"""What the tasks of the DAGs that erase do. Nothing that they return, log or raise names a person:
Airflow keeps all of it.
"""

from collections import Counter
from typing import TYPE_CHECKING, Any

from btl_airflow.connections import ERASE_CONNECTION_ID, connected
from btl_airflow.retries import fail_without_retry
from btl_airflow.settings import settings

if TYPE_CHECKING:
    from below_the_line.erasing.keys import ErasureKey


def survey_request(request_id: int | None) -> dict[str, Any]:
    """Return what a request would erase, by place, and a text about it for who approves."""
    from below_the_line.erasing import requests
    from below_the_line.erasing.certificate import WHOM
    from below_the_line.erasing.survey import survey
    from below_the_line.times import said

    with connected(
        "erase_commenter survey", autocommit=True, connection_id=ERASE_CONNECTION_ID
    ) as connection:
        with fail_without_retry():
            key = _key("A survey finds erased people by their pseudonyms.")
            request = requests.the_request(connection, _number(request_id))
            whom = request.whom
        touched = survey(connection, key, whom, request.erased_at)
    found = {each.place: each.rows for each in touched}
    asked = f"Asked for by {request.requested_by or 'somebody'}, {said(request.requested_at)}."
    until = "the approval" if request.erased_at is None else said(request.erased_at)
    rows = "\n".join(f"| `{place}` | {count:,} |" for place, count in found.items())
    said_of_it = (
        f"Request {request.request_id}: {WHOM[request.kind]}. {asked}"
        f" Everything up to {until} goes. It cannot be undone."
    )
    table = (
        f"| place | rows |\n| --- | ---: |\n{rows}" if rows else "The tables hold nothing of it."
    )
    text = f"{said_of_it}\n\n{table}"
    return {"found": found, "text": text}


def carry_out_request(request_id: int | None, decided_by: str | None) -> dict[str, Any]:
    """Approve a request, record the erasure, and carry it out."""
    from below_the_line.erasing import requests
    from below_the_line.erasing.execution import execute
    from below_the_line.erasing.recording import record

    with connected(
        "erase_commenter", autocommit=True, connection_id=ERASE_CONNECTION_ID
    ) as connection:
        with fail_without_retry():
            key = _key("Erasing makes pseudonyms.")
            number = _number(request_id)
            if requests.the_request(connection, number).state == "done":
                # An earlier attempt ended before it could say so.
                return {"request": number, "state": "done"}
            request = requests.decide(connection, number, approved=True, decided_by=decided_by)
            recorded = record(
                connection, key, [request.whom], request.erased_at, "dag", request.requested_by
            )
        done = execute(connection, key, recorded.pending, decided_by)
        with connection.transaction():
            # Also where it was erased before, and nothing was pending.
            requests.close(connection, [request.whom], decided_by)
    return {
        "request": number,
        "state": "done",
        "erasures": [{"case": each.case, "removed": dict(each.found)} for each in done],
    }


def decline_request(request_id: int | None, decided_by: str | None) -> dict[str, Any]:
    """Close a request, and forget whom it was about."""
    from below_the_line.erasing import requests

    with (
        connected(
            "erase_commenter", autocommit=True, connection_id=ERASE_CONNECTION_ID
        ) as connection,
        fail_without_retry(),
    ):
        request = requests.decide(
            connection, _number(request_id), approved=False, decided_by=decided_by
        )
    return {"request": request.request_id, "state": request.state}


def carry_out_pending() -> dict[str, Any]:
    """Carry out all erasures that are recorded and not completed."""
    from below_the_line.erasing.execution import execute
    from below_the_line.erasing.recording import pending

    with connected(
        "apply_erasures", autocommit=True, connection_id=ERASE_CONNECTION_ID
    ) as connection:
        waiting = pending(connection)
        if not waiting:
            return {"erasures": 0, "removed": {}}
        with fail_without_retry():
            key = _key(f"Erasures wait to be carried out: {len(waiting)}.")
        done = execute(connection, key, waiting, "apply_erasures")
    removed: Counter[str] = Counter()
    for each in done:
        removed.update(each.found)
    return {"erasures": len(done), "removed": dict(removed)}


def _key(why: str) -> "ErasureKey":
    from below_the_line.erasing.keys import required_key

    secret = settings().erasure_key
    return required_key(None if secret is None else secret.get_secret_value(), why)


def _number(request_id: int | None) -> int:
    from below_the_line.errors import BelowTheLineError

    if request_id is None:
        raise BelowTheLineError(
            "The number of the request is missing.",
            "`btl erase --request` writes a request down and prints its number.",
        )
    return request_id
