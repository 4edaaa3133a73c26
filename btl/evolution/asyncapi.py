"""The AsyncAPI 3 document of the topics, schemas/asyncapi.yaml.

It is made from schemas/topics.yaml and the schemas, which alone state event types, topics and their
facts. References are relative to schemas/.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from below_the_line import __version__, catalogue, resources
from below_the_line.catalogue import Topic
from below_the_line.contracts.envelope import MAX_NAME_BYTES

FILE_NAME = "asyncapi.yaml"

_KAFKA_BINDING = "0.5.0"
_DESCRIPTION = """\
The topics of Below the Line and their events: what readers say under articles, and what they
report.

Events are CloudEvents 1.0 over Kafka. This project receives them in structured mode (everything is
in the value) or in binary mode (attributes are in `ce_*` headers), hence each message is listed
twice. It sends them in structured mode. `data` has a JSON Schema for each type; unknown members
are ignored.

README.md beside this file says which rules go beyond these schemas. docs/dead-letters.md says what
happens to an event that breaks them.
"""
_ACTIONS = {"in": "receive", "out": "send"}
_TIME = "When the event occurred (RFC 3339). Orders events, to the microsecond."
_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "specversion": {"type": "string", "const": "1.0", "description": "The version of CloudEvents."},
    "id": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_NAME_BYTES,
        "description": f"The event's id, unique in its source: at most {MAX_NAME_BYTES} bytes.",
    },
    "source": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_NAME_BYTES,
        "description": f"What produced the event: at most {MAX_NAME_BYTES} bytes.",
    },
    "type": {"type": "string", "minLength": 1, "description": "The event type, with its version."},
    "time": {"type": "string", "format": "date-time", "description": _TIME},
    "subject": {
        "type": "string",
        "minLength": 1,
        "description": "The id of the comment, the article or the person.",
    },
}
_Form = Callable[[str, dict[str, str]], dict[str, Any]]
"""A function from an event type and the reference to its data to the message in one mode."""
_REQUIRED = ["specversion", "id", "source", "type", "time"]


def document(folder: Path = resources.SCHEMAS) -> dict[str, Any]:
    """Return the document as data."""
    topics = catalogue.topics(folder)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Below the Line", "version": __version__, "description": _DESCRIPTION},
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {
            f"{_ACTIONS[topic.direction]}-{topic.name}": _operation(topic) for topic in topics
        },
        "components": {
            "messages": {
                name: _message(form, topic, event_type, folder)
                for topic in topics
                for event_type in topic.event_types
                for name, form in _forms(topic, event_type)
            },
            "schemas": {
                "structured-headers": _structured_headers(),
                "structured-event": _structured_event(),
                "binary-headers": _binary_headers(),
            },
            "messageBindings": {
                _binding(key): _keyed(key)
                for topic in topics
                for key in map(topic.key_of, topic.event_types)
            },
        },
    }


def as_text(folder: Path = resources.SCHEMAS) -> str:
    """Return the document as the text of its file."""
    head = "# Made by `btl schemas asyncapi` from topics.yaml and the schemas: change those.\n"
    return head + yaml.dump(
        document(folder), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120
    )


class _Dumper(yaml.SafeDumper):
    """Writes every value in full where it stands, and texts of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (the name is PyYAML's)
        """Return True: aliases save nothing here and puzzle readers."""
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Return a text, as a literal block if it has several lines."""
        return self.represent_scalar(
            "tag:yaml.org,2002:str", data, style="|" if "\n" in data else None
        )


_Dumper.add_representer(str, _Dumper.represent_str)


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(topic)
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    name: _configured(name, text) for name, text in topic.config.items()
                },
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _configured(name: str, text: str) -> Any:
    """Return a topic's setting in the type that the binding requires."""
    if name == "cleanup.policy":
        return text.split(",")
    return int(text) if text.lstrip("-").isdigit() else text


def _operation(topic: Topic) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "action": _ACTIONS[topic.direction],
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": topic.description,
        "description": (
            f"Produced by {_listed(topic.producers)}; consumed by {_listed(topic.consumers)}."
        ),
        "messages": [
            {"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _message_names(topic)
        ],
    }
    if topic.direction == "in":
        group = {
            "type": "string",
            "default": "below-the-line",
            "description": "Set by BTL_CONSUMER_GROUP.",
        }
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": _KAFKA_BINDING}}
    return operation


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _message_names(topic: Topic) -> list[str]:
    return [name for event_type in topic.event_types for name, _ in _forms(topic, event_type)]


def _forms(topic: Topic, event_type: str) -> list[tuple[str, _Form]]:
    """Return the messages of an event type by name, one for each mode in which it comes."""
    structured = (event_type, _structured)
    return (
        [structured, (f"{event_type}-binary", _binary)] if topic.direction == "in" else [structured]
    )


def _message(form: _Form, topic: Topic, event_type: str, folder: Path) -> dict[str, Any]:
    return {
        "name": event_type,
        "summary": catalogue.schema_document(event_type, folder)["description"],
        **form(event_type, {"$ref": f"./{event_type}.json"}),
        "bindings": {"$ref": f"#/components/messageBindings/{_binding(topic.key_of(event_type))}"},
    }


def _structured(event_type: str, data: dict[str, str]) -> dict[str, Any]:
    return {
        "title": f"{event_type} in structured mode",
        "contentType": "application/cloudevents+json",
        "headers": {"$ref": "#/components/schemas/structured-headers"},
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/structured-event"},
                {"properties": {"type": {"const": event_type}, "data": data}},
            ]
        },
    }


def _binary(event_type: str, data: dict[str, str]) -> dict[str, Any]:
    return {
        "title": f"{event_type} in binary mode",
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "allOf": [
                {"$ref": "#/components/schemas/binary-headers"},
                {"properties": {"ce_type": {"const": event_type}}},
            ],
        },
        "payload": data,
    }


def _structured_headers() -> dict[str, Any]:
    return {
        "type": "object",
        "description": (
            "The record's headers in structured mode. Without headers, an object with specversion"
            " counts as structured."
        ),
        "properties": {
            "content-type": {
                "type": "string",
                "pattern": r"^application/cloudevents\+json",
                "description": "The event format, in UTF-8.",
            }
        },
    }


def _structured_event() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "A CloudEvent in structured mode: the record's whole value.",
        "required": _REQUIRED,
        "oneOf": [{"required": ["data"]}, {"required": ["data_base64"]}],
        "properties": {
            **_ATTRIBUTES,
            "data": {"type": "object", "description": "What happened, by the schema of its type."},
            "data_base64": {
                "type": "string",
                "contentEncoding": "base64",
                "contentMediaType": "application/json",
                "description": "The same as bytes of JSON, as SDKs write them.",
            },
        },
    }


def _binary_headers() -> dict[str, Any]:
    return {
        "type": "object",
        "description": (
            "A CloudEvent's attributes in binary mode: the record's headers. The value is the"
            " event's data."
        ),
        "required": [f"ce_{name}" for name in _REQUIRED],
        "properties": {
            "content-type": {
                "type": "string",
                "pattern": "^application/json",
                "description": "The media type of the value, in UTF-8.",
            },
            **{f"ce_{name}": rules for name, rules in _ATTRIBUTES.items()},
        },
    }


def _binding(key: tuple[str, ...]) -> str:
    """Return the name of the binding of messages with this key, such as ``keyed-by-article_id``."""
    return f"keyed-by-{'-or-'.join(key)}"


def _keyed(members: tuple[str, ...]) -> dict[str, Any]:
    names = " or ".join(f"data.{name}" for name in members)
    key = {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "description": f"{names} in UTF-8, byte for byte.",
    }
    return {"kafka": {"key": key, "bindingVersion": _KAFKA_BINDING}}
