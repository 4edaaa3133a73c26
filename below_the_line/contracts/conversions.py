"""How a further version of an event is read: its data as that of the version which the consumers
know.

A ``.v2`` beside a ``.v1`` has a schema of its own and is judged by it alone. Behind the contracts
one version of each event is known; the data of the others is converted to it, here. Both may be in
flight at once: each event keeps its own id, digest and place in the order of events, which are
those of the event as it was sent.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Conversion(NamedTuple):
    """To which type an event is converted, and how."""

    event_type: str
    """The type that the consumers know, such as ``comment.posted.v1``; of the same topic."""
    convert: Callable[[Mapping[str, Any]], dict[str, Any]]
    """From ``Event.data`` of the one type to ``Event.data`` of the other. Pure, and defined for
    everything that the schema accepts: it never raises. ``article_id`` stays what it is.
    """


CONVERSIONS: Mapping[str, Conversion] = MappingProxyType({})
"""By the type that is sent. schemas/README.md says how to add one."""
