"""Decoding: from a record to an event, or to the one reason why it is rejected."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Self

from below_the_line.contracts import resemblance
from below_the_line.contracts.contract import Contract, UnknownMember
from below_the_line.contracts.conversions import CONVERSIONS, Conversion
from below_the_line.contracts.envelope import (
    ATTRIBUTES,
    Encoded,
    Envelope,
    are_plain,
    attribute_faults,
    find_parts,
    is_read,
    read_envelope,
)
from below_the_line.contracts.events import Event, Record, Rejection, content_digest, order_key
from below_the_line.contracts.fast_path import FastReader
from below_the_line.contracts.rejection import Rejected, described, reject, rejection
from below_the_line.contracts.spelling import MAX_CHARACTERS, nearest
from below_the_line.contracts.strict_json import (
    MAX_BYTES,
    Document,
    canonical,
    decode_utf8,
    parse_exactly,
    parse_quickly,
)
from below_the_line.contracts.times import instant

_KNOWN_HEADERS = frozenset({"content-type", *(f"ce_{name}" for name in ATTRIBUTES)})


class Contracts:
    """The contracts of all event types, and the topic of each. Immutable; threads may share it."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        topic_of: Mapping[str, str],
        conversions: Mapping[str, Conversion] = CONVERSIONS,
        *,
        has_fast_path: bool = True,
        quick_parser: Callable[[bytes], Document | None] = parse_quickly,
    ) -> None:
        """Tests switch off the fast path, and also replace ``quick_parser`` by a function that
        returns None, so that every record takes the exact path.
        """
        self._contracts = dict(contracts)
        self._topic_of = dict(topic_of)
        self._has_fast_path = has_fast_path
        self._read_fast = FastReader(contracts if has_fast_path else {}, topic_of).read
        self._parse_quickly = quick_parser
        self._conversions = dict(conversions)
        self._names = frozenset(ATTRIBUTES).union(
            *(contract.member_names for contract in contracts.values())
        )
        self._nearest_type = lru_cache(maxsize=256)(
            lambda event_type: nearest(event_type, self._topic_of)
        )

    @property
    def event_types(self) -> tuple[str, ...]:
        """All known types in the order of the topics."""
        return tuple(self._topic_of)

    def topic_of(self, event_type: str) -> str | None:
        """Return the topic of an event type; None for an unknown type."""
        return self._topic_of.get(event_type)

    def key_of(self, event_type: str, data: Any) -> str | None:
        """Return the key that a record of this event must have; None if ``data`` lacks it, or for
        an unknown type.
        """
        contract = self._contracts.get(event_type)
        return None if contract is None else next(iter(contract.key_members(data).values()), None)

    def with_topics(self, names: Mapping[str, str]) -> Self:
        """Return the same contracts for topics with other names: the catalogue's name to the one in
        use.
        """
        topic_of = {
            event_type: names.get(topic, topic) for event_type, topic in self._topic_of.items()
        }
        return self._with(topic_of, self._conversions)

    def with_conversions(self, conversions: Mapping[str, Conversion]) -> Self:
        """Return the same contracts with other conversions."""
        return self._with(self._topic_of, conversions)

    def _with(self, topic_of: Mapping[str, str], conversions: Mapping[str, Conversion]) -> Self:
        return type(self)(
            self._contracts,
            topic_of,
            conversions,
            has_fast_path=self._has_fast_path,
            quick_parser=self._parse_quickly,
        )

    def read_as(self, event_type: str) -> str:
        """Return the type of the events that ``decode`` makes from this type: the same type, or the
        one that it is converted to.
        """
        conversion = self._conversions.get(event_type)
        return event_type if conversion is None else conversion.event_type

    def decode(self, record: Record) -> Event | Rejection:
        """Return the event in a record, or the first reason why it is rejected.

        Depends on the record alone, so that a replay gives the same result. Never raises.
        """
        event = self._read_fast(record) or self._read_exactly(record)
        if self._conversions and type(event) is Event and event.type in self._conversions:
            event_type, convert = self._conversions[event.type]
            data = self._contracts[event_type].data_type.of(convert(event.data))
            return event._replace(type=event_type, data=data)
        return event

    def _read_exactly(self, record: Record) -> Event | Rejection:
        """Return the event before conversions, or why there is none."""
        try:
            envelope = self._read_envelope(record)
            event_type, event_id, source, time, moment, sent, canonical_data, encoded = envelope
            if self._topic_of.get(event_type) != record.topic:
                raise Rejected(self._wrong_type(event_type))
            if encoded is not None:
                sent, canonical_data = self._decoded(encoded, event_type)
            contract = self._contracts[event_type]
            members = contract.read(sent, time, moment, record.timestamp)
        except Rejected as rejected:
            return rejected.rejection
        ((name, key),) = contract.key_members(members).items()
        if record.key != key.encode():
            attributes = {"id": event_id, "source": source}
            return self._key_mismatch(record.key, event_type, name, attributes, members)
        # Elsewhere a member of this name is one that the contract does not know.
        article_id = key if contract.names_article else ""
        occurred_at, data = moment[0], contract.data_type.of(members)
        digest = content_digest(event_type, occurred_at, canonical_data)
        version = order_key(occurred_at, event_id, source, digest)
        return Event(event_type, event_id, source, occurred_at, article_id, data, digest, version)

    def faults(self, record: Record) -> list[Rejection]:
        """Return everything that is wrong with a record; nothing if it is a valid event.

        The first is what ``decode`` returns. After a fault that leaves nothing to look at, such as
        bytes that are not JSON, it is the only one. Slower than ``decode``. Never raises.
        """
        first = self.decode(record)
        if isinstance(first, Event):
            return []
        if first.stage == "decode" and first.pointer is None:
            return [first]
        try:
            document = parse_exactly(record.value or b"", _texts_beside(record), self._names)
            parts = find_parts(document, record.headers)
        except Rejected:
            return [first]
        found = list(attribute_faults(parts.attributes, parts.headers))
        event_type, time = parts.attributes.get("type"), parts.attributes.get("time")
        if not isinstance(event_type, str) or not event_type:
            return found
        if self._topic_of.get(event_type) != record.topic:
            found.append(self._wrong_type(event_type))
        if event_type in self._contracts:
            data = parts.data
            try:
                if parts.encoded is not None:
                    data, _ = self._decoded(parts.encoded, event_type)
            except Rejected as rejected:
                return [*found, rejected.rejection]
            moment = instant(time) if isinstance(time, str) else None
            found += self._contracts[event_type].faults(data, moment, record.timestamp)
            keys = self._contracts[event_type].key_members(data)
            if keys and record.key not in {text.encode() for text in keys.values()}:
                found.append(
                    self._key_mismatch(
                        record.key, event_type, next(iter(keys)), parts.attributes, data
                    )
                )
        return found

    def unknown_members(self, record: Record) -> list[UnknownMember]:
        """Return the members of an event that nothing reads, and that were perhaps misspelt: those
        of ``data`` that its contract does not know, and attributes that resemble a known one.

        Empty if no event of a known type can be read. Never raises.
        """
        raw = record.value or b""
        try:
            parts = find_parts(self._parse_quickly(raw) or parse_exactly(raw), record.headers)
            contract = self._contracts[parts.attributes["type"]]
            data = parts.data
            if parts.encoded is not None:
                data, _ = self._decoded(parts.encoded, contract.event_type)
        except (Rejected, KeyError, TypeError, UnicodeDecodeError):
            return []
        absent = [name for name in ATTRIBUTES if parts.attributes.get(name) is None]
        return [
            *(
                UnknownMember("", name, found, ())
                for name in parts.attributes
                if name not in (*ATTRIBUTES, "data", "data_base64")
                and (found := nearest(name, absent)) is not None
            ),
            *contract.unknown_members(data),
        ]

    def _read_envelope(self, record: Record) -> Envelope:
        raw, key, headers = record.value, record.key, record.headers
        if not raw:
            reject(
                "no_value",
                "The record has no value; an event is expected, and there are no tombstones here.",
            )
        if len(raw) > MAX_BYTES:
            reject("too_large", f"The value has {len(raw)} bytes; at most {MAX_BYTES} are allowed.")
        document = None
        if (key is None or (key.isascii() and b"\0" not in key)) and are_plain(headers):
            document = self._parse_quickly(raw)
        if document is None:
            document = parse_exactly(raw, _texts_beside(record), self._names)
        return read_envelope(document, headers)

    def _decoded(self, encoded: Encoded, event_type: str) -> tuple[Any, bytes]:
        """Return the value in data_base64, and its canonical form: as of binary mode.

        Raises Rejected.
        """
        raw, fault = encoded
        if fault is not None:
            reject("schema_violation", fault, "/data_base64", event_type)
        if not raw:
            reject("no_value", "The member data_base64 holds no bytes.", "/data_base64")
        try:
            document = self._parse_quickly(raw) or parse_exactly(
                raw, (), self._names, "content of data_base64"
            )
        except Rejected as rejected:
            raise Rejected(rejected.rejection._replace(pointer="/data_base64")) from None
        return document.value, canonical(document.verbatim)

    def _wrong_type(self, event_type: str) -> Rejection:
        home = self._topic_of.get(event_type)
        if home is not None:
            message = f"Events of type {event_type} belong to topic {home}, not to this one."
        else:
            # A producer of unknown types sends thousands a second, most of the same few types.
            found = None if len(event_type) > MAX_CHARACTERS else self._nearest_type(event_type)
            message = (
                f"The type, {described(event_type)}, is not known and resembles no known one."
                if found is None
                else f"The type is not known. The nearest one is {found}, of topic"
                f" {self._topic_of[found]}."
            )
        return rejection("unknown_type", message, "/type")

    def _key_mismatch(
        self,
        key: bytes | None,
        event_type: str,
        member: str,
        attributes: Mapping[str, Any],
        data: Mapping[str, Any],
    ) -> Rejection:
        """``member`` is the one that the key must repeat."""
        others = {
            name: text
            for name, text in {"id": attributes.get("id"), **data}.items()
            if name in self._names and name != member and isinstance(text, str)
        }
        found = resemblance.of_key(key, member, data[member], others)
        message = f"The record's key must be the {member}, byte for byte, but {found}."
        return rejection("key_mismatch", message, f"/data/{member}", event_type)


def _texts_beside(record: Record) -> list[tuple[str, str]]:
    """Return the key, and names and values of the headers that are read, as text, each after what
    it is.

    Raises Rejected (not_utf8), also for the name of any other header.
    """
    texts = [] if record.key is None else [("key", decode_utf8(record.key, "key"))]
    for number, (name, value) in enumerate(record.headers, 1):
        try:
            name.encode()
        except UnicodeEncodeError:
            reject("not_utf8", f"The name of header {number} is not UTF-8.")
        if is_read(name):
            what = f"header {name}" if name in _KNOWN_HEADERS else f"header number {number}"
            texts.append((f"name of header {number}", name))
            if value is not None:
                texts.append((what, decode_utf8(value, what)))
    return texts
