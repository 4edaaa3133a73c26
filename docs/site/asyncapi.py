"""A Markdown page of the AsyncAPI document: channels, operations and messages."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml


def page(document: Mapping[str, Any]) -> str:
    """Return the page of an AsyncAPI 3 document, as schemas/asyncapi.yaml holds it."""
    info = document["info"]
    lines = [
        "# AsyncAPI",
        "",
        f"{info['title']} {info['version']}, AsyncAPI {document['asyncapi']}; default content type"
        f" `{document['defaultContentType']}`. The file is `schemas/asyncapi.yaml`.",
        "",
        "## Channels",
        "",
    ]
    for name, channel in document["channels"].items():
        lines += _channel(name, channel)
    lines += ["## Operations", ""]
    for name, operation in document["operations"].items():
        lines += _operation(name, operation)
    lines += ["## Messages", ""]
    bindings = document["components"]["messageBindings"]
    for name, message in document["components"]["messages"].items():
        lines += _message(name, message, bindings[_target(message["bindings"])]["kafka"]["key"])
    lines += ["## Shared schemas", ""]
    for name, schema in document["components"]["schemas"].items():
        lines += [f"### {name}", "", *_schema(schema)]
    return "\n".join(lines)


def _channel(name: str, channel: Mapping[str, Any]) -> Iterator[str]:
    kafka = channel["bindings"]["kafka"]
    yield from (f"### {name}", "", channel["description"], "")
    yield from ("| Kafka setting | value |", "| --- | --- |")
    yield f"| `topic` | `{kafka['topic']}` |"
    yield f"| `partitions` | `{kafka['partitions']}` |"
    for setting, value in kafka["topicConfiguration"].items():
        shown = ",".join(value) if isinstance(value, list) else value
        yield f"| `{setting}` | `{shown}` |"
    yield ""
    yield from _message_links(channel["messages"])


def _operation(name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    channel = _target(operation["channel"])
    yield from (f"### {name}", "")
    yield f"Below the Line **{operation['action']}s** messages on [`{channel}`](#{channel})."
    yield from (operation["description"], "")
    yield from _message_links([_target(message) for message in operation["messages"]])


def _message(name: str, message: Mapping[str, Any], key: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"### {name}", "", message["summary"], "")
    schemas = [*_references(message["headers"]), *_references(message["payload"])]
    shared = [f"[`{name}`](#{name})" for name in schemas if not name.startswith("./")]
    yield (
        f"{message['title']}: content type `{message['contentType']}`,"
        f" data [`{message['name']}`]({message['name']}.md), {' and '.join(shared)}. Key:"
        f" {key['description']}"
    )
    yield ""


def _schema(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (schema["description"], "")
    yield from ("| name | type | required | description |", "| --- | --- | --- | --- |")
    for name, rules in schema["properties"].items():
        required = "yes" if name in schema.get("required", ()) else "no"
        fixed = f" `{rules['const']}`" if "const" in rules else ""
        yield f"| `{name}` | {rules['type']}{fixed} | {required} | {rules['description']} |"
    yield ""


def _message_links(names: Any) -> Iterator[str]:
    yield "Messages: " + ", ".join(f"[`{name}`](#{slug(name)})" for name in names) + "."
    yield ""


def slug(heading: str) -> str:
    """Return the anchor that the site gives to a heading."""
    return heading.lower().replace(".", "")


def _target(reference: Mapping[str, str]) -> str:
    return reference["$ref"].rsplit("/", 1)[-1]


def _references(schema: Mapping[str, Any]) -> list[str]:
    """Return the names of the schemas that one refers to, at its top or in its ``allOf``."""
    parts = [schema, *schema.get("allOf", ())]
    return [
        part["$ref"] if part["$ref"].startswith("./") else _target(part)
        for part in parts
        if "$ref" in part
    ]


def read(text: str) -> dict[str, Any]:
    """Return an AsyncAPI document's data."""
    document: dict[str, Any] = yaml.safe_load(text)
    return document
