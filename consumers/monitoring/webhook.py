"""Alerts about partitions that wait for a decision, to the webhook of BTL_ALERT_URL."""

import threading
import urllib.request
from collections.abc import Mapping
from typing import Any

import orjson
import structlog

from consumers.core.batch import Partition
from consumers.core.observer import Halt, Observer

log = structlog.get_logger(__name__)

_SECONDS = 10.0


class Webhook(Observer):
    """Posts one alert for each partition that began to wait, at once and on a thread of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._known: set[Partition] = set()

    def reading(
        self,
        positions: Mapping[Partition, int],  # noqa: ARG002
        halted: Mapping[Partition, Halt],
    ) -> None:
        """Alert about the partitions that did not wait for a decision before."""
        for partition in sorted(halted.keys() - self._known):
            halt = halted[partition]
            decide = (
                f"btl breaker accept {partition.topic} {partition.number}"
                if halt.status == "tripped"
                else "btl offsets show"
            )
            document = {
                "dag": None,
                "task": "btl consume",
                "run": None,
                "message": (
                    f"Partition {partition} is {halt.status} and is not read, and no discussion"
                    f" closes: {halt.detail}. Decide: {decide}"
                ),
            }
            threading.Thread(target=self._post, args=(document,), daemon=True).start()
        self._known = set(halted)

    def _post(self, document: Mapping[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 (its owner chooses the scheme)
            self._url,
            data=orjson.dumps(document),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
                pass
        except Exception:
            log.exception("alert not sent", message=document["message"])
