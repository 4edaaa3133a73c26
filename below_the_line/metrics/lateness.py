"""Whether the figures follow the events."""

from datetime import datetime, timedelta

from below_the_line.plurals import counted

MAX_WAIT = timedelta(minutes=3)
"""A mark that waits longer is late: usually it waits for seconds."""

LATE_HINT = (
    "see the runs of article_metrics; if only the clock starts them, every ten minutes, `btl logs"
    " airflow-triggerer` says why events do not"
)


def late_figures(marks: int, since: datetime | None, now: datetime) -> str | None:
    """Return a clause that says that figures do not follow events; None if they do.

    ``marks``: the number of marks of articles that wait for article_metrics; ``since``: when the
    oldest was set, None without marks.
    """
    if since is None or now - since <= MAX_WAIT:
        return None
    minutes = int((now - since).total_seconds()) // 60
    return (
        f"figures do not follow events: {counted(marks, 'mark')} of articles"
        f" {'waits' if marks == 1 else 'wait'}, the oldest for {counted(minutes, 'minute')}"
    )
