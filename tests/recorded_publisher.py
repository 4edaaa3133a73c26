"""A stand-in for Kafka's publisher."""

from below_the_line.kafka.envelopes import Outgoing
from below_the_line.settings import Settings


class Recorder:
    """Keeps what would be sent."""

    sent: list[Outgoing]

    def __init__(self, _settings: Settings) -> None:
        type(self).sent = []

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def send(self, outgoing: Outgoing) -> None:
        self.sent.append(outgoing)

    def flush(self) -> None:
        """Nothing waits."""

    @property
    def delivered(self) -> int:
        return len(self.sent)
