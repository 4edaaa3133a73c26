"""The trigger that starts article_metrics while articles are marked."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from psycopg import sql

from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from btl_airflow.connections import CONNECTION_ID, conninfo


class MarkedArticlesTrigger(BaseEventTrigger):
    """Fires while the query ``marked`` returns true, at most once per ``min_gap`` seconds.

    It runs the query after a NOTIFY on ``channel``, and at least every ``recheck`` seconds. So a
    lost notification, a dead connection, a restart or a failed run lose nothing. It counts
    notifications instead of passing each on, because a triggerer that stores one event for each
    notification cannot keep up.
    """

    def __init__(
        self,
        channel: str = MARKED_ARTICLES_CHANNEL,
        connection_id: str = CONNECTION_ID,
        marked: str = "select exists (select from ingest.dirty_articles)",
        min_gap: float = 1.0,
        recheck: float = 30.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.channel = channel
        self.connection_id = connection_id
        self.marked = marked
        self.min_gap = min_gap
        self.recheck = recheck

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments with which the triggerer makes this trigger
        again.
        """
        names = ("channel", "connection_id", "marked", "min_gap", "recheck")
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            name: getattr(self, name) for name in names
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch for ever. Waits for a database that is away."""
        backoff, last = 0.5, -self.min_gap
        while True:
            try:
                async with await self._connect() as connection:
                    await connection.execute(
                        sql.SQL("listen {}").format(sql.Identifier(self.channel))
                    )
                    # Listens before it queries, so that no mark goes unnoticed in between.
                    backoff, why = 0.5, "connected"
                    while True:
                        notifications = 0
                        while (wait := last + self.min_gap - time.monotonic()) > 0:
                            async for _ in connection.notifies(timeout=wait):
                                notifications += 1
                        cursor = await connection.execute(self.marked.encode())
                        if await cursor.fetchone() == (True,):
                            last = time.monotonic()
                            yield TriggerEvent({"why": why, "notifications": notifications})
                            why = "still marked"
                        async for _ in connection.notifies(timeout=self.recheck, stop_after=1):
                            why = "notified"
            except psycopg.OperationalError as error:
                self.log.warning(
                    "The database is away (%s), trying again in %.1f s", error, backoff
                )
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, 5.0)
            except Exception as error:
                backoff = min(max(backoff * 2, 5.0), self.recheck)
                self.log.error(
                    "Events do not start article_metrics (%s: %s), trying again in %.0f s. The"
                    " clock starts it every ten minutes.",
                    type(error).__name__,
                    error,
                    backoff,
                )
                await asyncio.sleep(backoff)

    async def _connect(self) -> psycopg.AsyncConnection:
        from airflow.sdk import BaseHook

        return await psycopg.AsyncConnection.connect(
            conninfo(await BaseHook.aget_connection(self.connection_id)),
            autocommit=True,
            application_name="airflow marked articles trigger",
            connect_timeout=5,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
