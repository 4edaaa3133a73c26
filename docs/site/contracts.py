"""Markdown pages about the event contracts, made from schemas/."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from below_the_line import catalogue, resources
from below_the_line.catalogue import Topic

_TIME_BOUNDS = {
    "past": "from 1990 to 5 minutes after the record's timestamp",
    "publication": "from 1990 to 400 days after the record's timestamp",
    "closing": "from 1990 to the end of the year 2100",
}
_BETWEEN_MEMBERS = ("allOf", "oneOf", "if", "then", "else")
"""The keywords that state rules between the members of an object."""
_DIRECTIONS = {"in": "received", "out": "sent"}


def overview(folder: Path = resources.SCHEMAS) -> str:
    """Return a Markdown table of all event types, to end the page of schemas/README.md."""
    lines = ["## All event types", ""]
    for topic in catalogue.topics(folder):
        lines += [
            f"### {topic.name}",
            "",
            f"{topic.description} Produced by {', '.join(topic.producers)};"
            f" consumed by {', '.join(topic.consumers)}.",
            "",
            "| event type | means |",
            "| --- | --- |",
        ]
        for event_type in topic.event_types:
            means = catalogue.schema_document(event_type, folder)["description"]
            lines.append(f"| [`{event_type}`]({event_type}.md) | {_cell(means)} |")
        lines.append("")
    return "\n".join(lines)


def pages(folder: Path = resources.SCHEMAS) -> Iterator[tuple[str, str]]:
    """Yield each event type with the Markdown of its page, in the order of topics.yaml."""
    definitions = catalogue.schema_document("definitions", folder)["$defs"]
    for topic in catalogue.topics(folder):
        for event_type in topic.event_types:
            yield event_type, _page(topic, event_type, definitions, folder)


def _page(topic: Topic, event_type: str, definitions: Mapping[str, Any], folder: Path) -> str:
    schema = catalogue.schema_document(event_type, folder)
    lines = [
        f"# {event_type}",
        "",
        schema["description"],
        "",
        f"Topic `{topic.name}` ({_DIRECTIONS[topic.direction]} by Below the Line), keyed by"
        f" {' or '.join(f'`data.{name}`' for name in topic.key_of(event_type))}. Schema:"
        f" `schemas/{event_type}.json`.",
        "",
        "## Members of data",
        "",
        "| member | type | required | description |",
        "| --- | --- | --- | --- |",
        *_rows(schema, definitions),
        "",
        "Members that are not listed are ignored. Null in an optional member means absent.",
        "",
    ]
    rules = {name: schema[name] for name in _BETWEEN_MEMBERS if name in schema}
    if rules:
        lines += [
            "## Rules between members",
            "",
            "As JSON Schema states them:",
            "",
            *_code(json.dumps(rules, indent=2)),
        ]
    lines += ["## Valid examples", ""]
    documents = catalogue.example_documents(event_type, folder)
    for name, example in sorted(documents["valid"].items()):
        lines += _valid_example(name, example)
    invalid = [example for _, example in sorted(documents["invalid"].items())]
    if invalid:
        lines += [
            "## Invalid examples",
            "",
            f"From `schemas/examples/{event_type}.json`; each record becomes a dead letter.",
            "",
            "| example | code | where |",
            "| --- | --- | --- |",
        ]
        for example in invalid:
            code, pointer = example["code"], example.get("pointer")
            where = f"`{pointer}`" if pointer else ""
            description = _cell(example["description"])
            link = f"[`{code}`](../dead-letters.md#{code})"
            lines.append(f"| {name} | {description} | {link} | {where} |")
    return "\n".join(lines) + "\n"


def _valid_example(name: str, example: Mapping[str, Any]) -> list[str]:
    record = example["record"]
    lines = [f"### {name}", "", example["description"], ""]
    if record.get("headers"):
        lines += ["| header | value |", "| --- | --- |"]
        for header in record["headers"]:
            lines.append(f"| {_header(header, 'name')} | {_header(header, 'value')} |")
        lines.append("")
    if "value" in record:
        text = json.dumps(record["value"], indent=2, ensure_ascii=False)
    else:
        text = record.get("value_text") or _decoded(record["value_base64"])
    return lines + _code(text)


def _header(header: Mapping[str, str | None], part: str) -> str:
    text = header.get(part)
    if text is None and header.get(f"{part}_base64"):
        text = _decoded(str(header[f"{part}_base64"]))
    return "null" if text is None else f"`{_cell(text)}`"


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode(errors="backslashreplace")


def _code(text: str) -> list[str]:
    return ["```json", text, "```", ""]


def _rows(schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str = "") -> list[str]:
    """Return a table row for each member of an object, those of nested objects after it."""
    rows = []
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        rules = resolved(member, definitions)
        described = _cell(rules.get("description", ""))
        limits = "; ".join(_limits(rules))
        rows.append(
            f"| `{path}{name}` | {_type(rules, definitions)} |"
            f" {'yes' if name in required else 'no'} |"
            f" {described}{f' ({_cell(limits)})' if limits else ''} |"
        )
        rows += _rows(rules, definitions, f"{path}{name}.")
        items = resolved(rules.get("items", {}), definitions)
        rows += _rows(items, definitions, f"{path}{name}[].")
    return rows


def resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with its reference into definitions.json, if any, replaced by the target.

    What stands beside the reference wins. Raises KeyError for a reference to nothing.
    """
    if "$ref" not in schema:
        return dict(schema)
    target = definitions[schema["$ref"].removeprefix("definitions.json#/$defs/")]
    return {**target, **{name: value for name, value in schema.items() if name != "$ref"}}


def _type(rules: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "enum" in rules:
        return ", ".join(f"`{json.dumps(value)}`" for value in rules["enum"])
    if "const" in rules:
        return f"`{json.dumps(rules['const'])}`"
    if "oneOf" in rules:
        return " or ".join(_type(resolved(one, definitions), definitions) for one in rules["oneOf"])
    named = rules.get("type", "any")
    names = [named] if isinstance(named, str) else named
    text = " or ".join(names)
    if "items" in rules:
        text += f" of {_type(resolved(rules['items'], definitions), definitions)}"
    return text


def _limits(rules: Mapping[str, Any]) -> Iterator[str]:
    """Yield the limits of a member, each as a short text."""
    if "x-time-bound" in rules:
        yield f"RFC 3339, {_TIME_BOUNDS[rules['x-time-bound']]}"
    elif "format" in rules:
        yield str(rules["format"])
    if "x-max-bytes" in rules:
        yield f"{rules.get('minLength', 0)} to {rules['x-max-bytes']} bytes"
    elif "minLength" in rules:
        yield f"at least {rules['minLength']} character"
    for keyword, words in (("minimum", "at least"), ("maximum", "at most")):
        if keyword in rules:
            yield f"{words} {rules[keyword]}"
    if "pattern" in rules:
        yield f"pattern `{rules['pattern']}`"
    if "default" in rules:
        yield f"default `{json.dumps(rules['default'])}`"


def _cell(text: str) -> str:
    """Return a text for one cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ").strip()
