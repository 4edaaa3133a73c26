"""The days that a run of daily_metrics computes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.days import Days, days_asked


def days_of_run(
    params: Mapping[str, Any],
    partition_key: str | None,
    logical_date: datetime | None,
    *,
    time_zone: str,
    now: datetime,
) -> Days:
    """Return the days of a run: that of its partition key, else those of its parameters ``from``
    and ``to``, else yesterday.

    A logical date is an instant. Which day it means depends on the reader's time zone, so it never
    chooses one. Raises BelowTheLineError for a run that asks for a day by its logical date, and for
    days that are none.
    """
    first, last = params.get("from"), params.get("to")
    if partition_key is not None:
        if first or last:
            raise BelowTheLineError(
                f"This run has the partition key {partition_key} and the parameters"
                f" from={first}, to={last}.",
                "Give either.",
            )
        return days_asked(partition_key, partition_key, time_zone=time_zone, now=now)
    if not first and not last and logical_date is not None:
        zone = ZoneInfo(time_zone)
        # Airflow's form and `airflow dags test` fill in the present time.
        if logical_date.astimezone(zone).date() != now.astimezone(zone).date():
            raise BelowTheLineError(
                f"This run has the logical date {logical_date}, which names no day of the site.",
                "Start a run with the parameters from and to, such as"
                ' {"from": "2026-10-24", "to": "2026-10-24"}, or with a partition key, such as'
                " 2026-10-24.",
            )
    return days_asked(first, last, time_zone=time_zone, now=now)
