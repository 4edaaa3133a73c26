"""Looking for traces of a person in everything there is: knows no list of places, and shares no
code with what erases and verifies.
"""

import base64
import gzip
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import psycopg

Places = dict[str, set[str]]
"""By place: what was found there."""


class Marks:
    """Texts that stand nowhere else, by what they are; and every form in which they may stand."""

    def __init__(self, *names: str) -> None:
        self.texts = {name: f"{name}-{uuid.uuid4().hex[:20]}" for name in names}
        self._forms: dict[str, list[str]] = {
            name: [form.lower() for form in _forms(text)] for name, text in self.texts.items()
        }

    def __getitem__(self, name: str) -> str:
        return self.texts[name]

    def add_digest(self, name: str, digest: bytes) -> None:
        """Look for a digest, too, by which somebody could confirm what they guess."""
        self._forms[name] = [digest.hex(), base64.b64encode(digest).decode().lower()]

    def found_in(self, text: str) -> set[str]:
        """Return which of them stand in a text."""
        lower = text.lower()
        return {name for name, forms in self._forms.items() if any(form in lower for form in forms)}


def _forms(text: str) -> Iterator[str]:
    """Yield the forms in which a text may stand, each also as Postgres shows bytes."""
    raw = text.encode()
    digest = hashlib.sha256(raw)
    plain = [
        text,
        "".join(f"\\u{ord(letter):04x}" for letter in text),
        digest.hexdigest(),
        base64.b64encode(digest.digest()).decode(),
    ]
    for before in range(3):
        # What stands before it moves the letters of base 64; the ends are of others, too.
        encoded = base64.b64encode(b"x" * before + raw).decode()
        plain.append(encoded[4 if before else 0 : -4])
    for form in plain:
        yield form
        yield form.encode().hex()


def in_places(texts: Iterable[tuple[str, str]], marks: Marks) -> Places:
    """Return the places in whose text something stands."""
    found: Places = {}
    for place, text in texts:
        if what := marks.found_in(text):
            found.setdefault(place, set()).update(what)
    return found


def database_texts(connection: psycopg.Connection) -> Iterator[tuple[str, str]]:
    """Yield every column of every table and view as ``schema.relation.column`` with all its values;
    what the planner keeps of them, and what other sessions run.
    """
    relations: dict[str, list[str]] = {}
    for relation, column in connection.execute(
        """
        select
            format('%I.%I', relation.relnamespace::regnamespace, relation.relname),
            attribute.attname
        from pg_class as relation
        inner join pg_attribute as attribute
            on attribute.attrelid = relation.oid and attribute.attnum > 0
            and not attribute.attisdropped
        where relation.relkind in ('r', 'p', 'v', 'm', 'f')
            and relation.relnamespace::regnamespace::text not in
                ('pg_catalog', 'information_schema')
            and relation.relpersistence != 't'
        order by relation.oid, attribute.attnum
        """
    ):
        relations.setdefault(relation, []).append(column)
    for relation, columns in relations.items():
        lists = ", ".join(f"""string_agg("{column}"::text, ' ')""" for column in columns)
        row = connection.execute(f"select {lists} from {relation}".encode()).fetchone() or ()
        for column, text in zip(columns, row, strict=True):
            yield f"{relation}.{column}", text or ""
    for relation, column, text in connection.execute(
        "select format('%I.%I', schemaname, tablename), attname,"
        " concat_ws(' ', most_common_vals, histogram_bounds, most_common_elems) from pg_stats"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    ):
        yield f"statistics of {relation}.{column}", text
    for (text,) in connection.execute(
        "select coalesce(string_agg(query, ' '), '') from pg_stat_activity"
        " where datname = current_database() and pid != pg_backend_pid()"
    ):
        yield "statements of other sessions", text


def file_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield every file below a folder, also what is packed by gzip."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            yield (
                f"{folder.name}/{path.relative_to(folder)}",
                raw.decode("utf-8", "backslashreplace"),
            )


def as_json(document: Mapping[str, object]) -> bytes:
    """A document in which every letter of a text is escaped, as JSON allows."""
    plain = json.dumps(document)
    return "".join(
        f"\\u{ord(letter):04x}" if inside and letter not in '"\\' else letter
        for letter, inside in zip(plain, _inside_texts(plain), strict=True)
    ).encode()


def _inside_texts(plain: str) -> Iterator[bool]:
    inside = escaped = False
    for letter in plain:
        if escaped:
            raise ValueError("there are escapes already")
        if letter == '"':
            inside = not inside
            yield False
        else:
            yield inside
