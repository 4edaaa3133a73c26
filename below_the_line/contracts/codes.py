"""The closed list of reasons why a record becomes a dead letter.

docs/dead-letters.md explains each to producers; a test compares the two lists.
"""

from collections.abc import Mapping
from types import MappingProxyType

STAGES: Mapping[str, str] = MappingProxyType(
    {
        "no_value": "decode",
        "too_large": "decode",
        "not_utf8": "decode",
        "too_deep": "decode",
        "not_json": "decode",
        "duplicate_key": "decode",
        "number_out_of_range": "decode",
        "nul_character": "decode",
        "lone_surrogate": "decode",
        "not_cloudevent": "envelope",
        "unknown_type": "envelope",
        "schema_violation": "contract",
        "time_out_of_range": "contract",
        "key_mismatch": "contract",
        "rejected_by_database": "database",
    }
)
"""The stage of each code. A record has one code: the first in this order that applies."""
