"""The contracts as they were last released, in schemas/released.json, and their fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from below_the_line import __version__, catalogue, resources
from below_the_line.errors import BelowTheLineError
from below_the_line.files import writing
from btl.evolution.normal_form import Constraints, constraints

FILE_NAME = "released.json"


@dataclass(frozen=True)
class ReleasedType:
    """The promise about one event type."""

    topic: str
    direction: str
    """``in`` or ``out``, as in topics.yaml."""
    key: str
    """The member of ``data`` that the record's key repeats; "or" stands between several."""
    constraints: Constraints
    examples: Mapping[str, str]
    """For each example (``valid/top-level``) a digest of its record and result. Its description may
    change.
    """


@dataclass(frozen=True)
class Release:
    """The contracts at one moment."""

    version: str
    """Version of the software that they were released with."""
    event_types: Mapping[str, ReleasedType]

    @property
    def fingerprint(self) -> str:
        """The identity of these contracts: ``sha256:`` and 64 hexadecimal digits.

        Two releases have the same fingerprint if and only if they accept and send the same events,
        and have the same examples. Descriptions and the version of the software do not count.
        """
        event_types = asdict(self)["event_types"]
        text = json.dumps(event_types, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def present(folder: Path = resources.SCHEMAS) -> Release:
    """Return the contracts as they are in schemas/ now."""
    definitions = catalogue.schema_document("definitions", folder)
    return Release(
        __version__,
        {
            event_type: ReleasedType(
                topic.name,
                topic.direction,
                " or ".join(topic.key_of(event_type)),
                constraints(catalogue.schema_document(event_type, folder), definitions),
                {
                    f"{kind}/{name}": _digest(document)
                    for kind, of_kind in catalogue.example_documents(event_type, folder).items()
                    for name, document in sorted(of_kind.items())
                },
            )
            for topic in catalogue.topics(folder)
            for event_type in topic.event_types
        },
    )


def _digest(example: Mapping[str, Any]) -> str:
    promised = {name: member for name, member in example.items() if name != "description"}
    return hashlib.sha256(json.dumps(promised, sort_keys=True).encode()).hexdigest()[:16]


def last_release(folder: Path = resources.SCHEMAS) -> Release:
    """Return the contracts of schemas/released.json.

    Raises BelowTheLineError if the file is missing or damaged.
    """
    path = folder / FILE_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Release(
            document["version"],
            {
                event_type: ReleasedType(**promised)
                for event_type, promised in document["event_types"].items()
            },
        )
    except FileNotFoundError:
        raise BelowTheLineError(
            f"There is no {path}.", "Restore it: it records what was promised."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BelowTheLineError(
            f"{path} does not hold released contracts: {error}.", "Restore it."
        ) from None


def write_release(release: Release, folder: Path = resources.SCHEMAS) -> None:
    """Make this the last release."""
    text = json.dumps(asdict(release), indent=2, ensure_ascii=False)
    path = folder / FILE_NAME
    with writing(path):
        path.write_text(text + "\n", encoding="utf-8")
