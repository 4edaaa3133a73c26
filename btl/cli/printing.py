"""Foreign bytes on a terminal: whatever they are, they are shown and never obeyed."""

import json
import re
from datetime import UTC, datetime, tzinfo
from typing import NoReturn

_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+').findall


def printable(text: str) -> str:
    """The text in one line; what no terminal prints (control characters, reversed directions …) as
    JSON escapes.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def printable_bytes(raw: bytes) -> str:
    r"""Bytes as text in one line, what is not UTF-8 as ``\xff``."""
    return printable(raw.decode("utf-8", "backslashreplace"))


def indented_json(raw: bytes) -> str | None:
    """JSON, one member a line, None if it is none.

    Laid out, not written anew: names that come twice, escapes and numbers stay as they were sent.
    """
    try:
        text = raw.decode()
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    parts: list[str] = []
    before, depth = "", 0
    for piece in _PIECES(text):
        if piece in ("]", "}"):
            depth -= 1
            if before not in ("[", "{"):
                parts.append("\n" + "  " * depth)
        elif before in ("[", "{", ","):
            parts.append("\n" + "  " * depth)
        parts.append(": " if piece == ":" else printable(piece))
        depth += piece in ("[", "{")
        before = piece
    return "".join(parts)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def clock(moment: datetime, zone: tzinfo = UTC, *, exact: bool = False) -> str:
    """An instant as clocks in the zone show it; with the fraction of its second, if it has one,
    only where told.
    """
    local = moment.astimezone(zone)
    fraction = f".{local.microsecond:06}".rstrip("0") if exact and local.microsecond else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {local:%Z}"


def both_clocks(moment: datetime, zone: tzinfo) -> str:
    """An instant, exactly, in the zone and in UTC; once if that is the same."""
    local, in_utc = clock(moment, zone, exact=True), clock(moment, exact=True)
    return local if local == in_utc else f"{local} ({in_utc})"
