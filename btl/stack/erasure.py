"""The key of erasures in the local stack."""

from collections.abc import Mapping

ERASURE_SECRET = "erasure_key"  # noqa: S105 (its name)
SECRETS: Mapping[str, str] = {
    ERASURE_SECRET: "makes pseudonyms of the ids of erased people; never rotated, back it up"
}
"""The secret of erasures, with what it is for."""
KEPT: Mapping[str, str] = {
    ERASURE_SECRET: (
        "Pseudonyms are made with it. With another key an erased person would be somebody else, and"
        " events that are read again would bring them back"
    )
}
"""The secrets that are never rotated, each with the reason."""
