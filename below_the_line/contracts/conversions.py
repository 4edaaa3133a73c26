"""Conversions from one version of an event type to the version that the consumers know.

A ``.v2`` beside a ``.v1`` has its own schema and is validated by it alone. The code behind the
contracts knows one version of each event; the data of other versions is converted to it here. Both
versions may be in flight at once. A converted event keeps the id, the digest and the place in the
order of events that it had as it was sent.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Conversion(NamedTuple):
    """The type that an event is converted to, and the function that converts its data."""

    event_type: str
    """The type that the consumers know, such as ``comment.posted.v1``. It has the same topic."""
    convert: Callable[[Any], Mapping[str, Any]]
    """Makes the members of the known type from ``Event.data`` of the type that was sent, with
    defaults. Absent ones may be left out, and an object inside may be passed on as it is. Pure;
    never raises for data that the schema accepts; does not change ``article_id``.
    """


CONVERSIONS: Mapping[str, Conversion] = MappingProxyType({})
"""Conversions by the type that is sent. schemas/README.md says how to add one."""
