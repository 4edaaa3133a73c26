"""Plain English in all that a person reads, and lines of at most 100 columns.

Read are Markdown, Python's docstrings, comments and strings (help texts, errors, log events), SQL
headers and COMMENT ON, the contracts' descriptions and the comments of settings. Not read are code,
also in Markdown, and the strings of tests, whose data may say anything.

A word list, and not Vale: its Python package downloads the program at the first run, which does not
work without a network.
"""

import io
import json
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = 100

INSTEAD = {
    r"a great many": "the number, or many",
    r"afresh": "again",
    r"amiss": "wrong",
    r"anew": "again",
    r"be it": "whether",
    r"(became|becomes|become|came|comes) of": "happened to, or the result of",
    r"but for": "except for",
    r"for nothing": "without cost, or name what is saved",
    r"if it shall": "if it must, or if you want it to",
    r"(?<!there\s)(?-i:is none)": "is not one, or name what is missing",
    r"is spelled so": "is written like this",
    r"judg(e|ed|es|ing|ement)": "validate, or decide",
    r"lest": "so that … not",
    r"mend(ed|s|ing)?": "fix",
    r"naught|nought": "nothing, or zero",
    r"of ours": "our",
    r"of theirs": "their",
    r"ought": "should",
    r"shall": "must, or will",
    r"so (long|many|much)(?! as\b)": "this long, the number, or the amount",
    r"spelled": "written",
    r"tell(ing|s)? of": "report",
    r"telling|told": "report, announce, or record",
    r"the like": "similar things, or name them",
    r"thereby|therein|thereof|thereupon|whereby|wherein|whereof|whereupon": "two sentences",
    r"thither|hither|whither|whence|thence": "there, or from where",
    r"turn them round": "--from must be before --to",
    r"upon": "on",
    r"verdict": "result",
    r"whoever|whomever": "name the person or the program",
    r"(?<!there\s)(is|are|was|were) no(?! (longer|more|less|later|earlier)\b)": "is not a",
}
"""The dialect, as patterns of whole words, and what to write in its place."""

_GAP = r"(?:[\s#'\"]|--)+"
_WORDS = [
    (re.compile(rf"\b(?:{pattern.replace(' ', _GAP)})\b", re.IGNORECASE), instead)
    for pattern, instead in INSTEAD.items()
]
_ANY = re.compile("|".join(pattern.pattern for pattern, _ in _WORDS), re.IGNORECASE)
_BEFORE_STATEMENTS = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_STRING = re.compile(r"(?:E?'(?:[^']|'')*'|--[^\n]*)(?:\s*(?:E?'(?:[^']|'')*'|--[^\n]*))*")


@cache
def files() -> tuple[Path, ...]:
    """Return the files of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return tuple(path for path in paths if path.is_file())


def _read_by_people(path: Path) -> bool:
    name = str(path.relative_to(ROOT))
    if name in {"LICENSE", "requirements.lock", "tests/unit/test_language.py"}:
        return False
    if name.startswith("tests/"):
        return path.suffix == ".py"
    if path.suffix == ".json":
        return path.parent == ROOT / "schemas" and path.name != "released.json"
    return path.suffix in {
        ".md",
        ".py",
        ".pyi",
        ".sql",
        ".yml",
        ".yaml",
        ".toml",
        ".ipynb",
        ".sh",
        ".example",
    } or path.name in {"Makefile", "Dockerfile"}


def _blanked(text: str, pattern: re.Pattern[str]) -> str:
    """Return the text with all matches replaced by as many lines of nothing."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", "_", match[0]), text)


def passages(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Yield what a person reads in a file: the line at which it begins, and the text."""
    if path.suffix in {".py", ".pyi"}:
        yield from _python(text, strings=not path.is_relative_to(ROOT / "tests"))
    elif path.suffix == ".md":
        yield 1, _blanked(_blanked(text, _FENCE), re.compile(r"`[^`\n]+`|\]\([^)\s]+\)"))
    elif path.suffix == ".sql":
        for match in _STRING.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match[0]
    elif path.suffix == ".ipynb":
        for cell in json.loads(text)["cells"]:
            yield 1, "".join(cell["source"])
    else:
        yield 1, text


def _python(text: str, *, strings: bool) -> Iterator[tuple[int, str]]:
    """Yield comments and docstrings, and other ``strings``; those that follow each other as one."""
    begun, parts, last = 0, list[str](), 0
    kinds = {tokenize.STRING, tokenize.COMMENT}
    kinds |= {getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    opens_statement = True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_docstring = token.type == tokenize.STRING and opens_statement
        if token.type not in {tokenize.NL, tokenize.COMMENT}:
            opens_statement = token.type in _BEFORE_STATEMENTS
        if token.type in kinds and (strings or is_docstring or token.type == tokenize.COMMENT):
            if token.string.startswith("# noqa"):
                continue
            if parts and token.start[0] > last + 1:
                yield begun, "".join(parts)
                parts = []
            if not parts:
                begun, last = token.start[0], token.start[0]
            parts.append("\n" * (token.start[0] - last) + token.string)
            last = token.end[0]
    if parts:
        yield begun, "".join(parts)


def found(path: Path, text: str) -> list[str]:
    """Return the words of the dialect in a file: place, word, and what to write instead."""
    places = []
    for begun, passage in passages(path, text):
        if not _ANY.search(passage):
            continue
        for pattern, instead in _WORDS:
            for match in pattern.finditer(passage):
                line = begun + passage.count("\n", 0, match.start())
                word = re.sub(r"\s+", " ", match[0])
                places.append(f"{path.relative_to(ROOT)}:{line}: “{word}”: write {instead}")
    return places


def wide_lines(path: Path, text: str) -> list[str]:
    """Return the lines that are too long; of Markdown not tables, code and links."""
    if path.suffix == ".md":
        text = _blanked(text, _FENCE)
        text = re.sub(r"^\s*\|.*\|$|^.*\]\(\S{40,}\)\S*$", "", text, flags=re.MULTILINE)
        text = re.sub(r"^_+$", "", text, flags=re.MULTILINE)
    return [
        f"{path.relative_to(ROOT)}:{number}: {len(line)} columns"
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line) > COLUMNS
    ]


def test_what_people_read_is_plain_english() -> None:
    places = [
        place
        for path in files()
        if _read_by_people(path)
        for place in found(path, path.read_text(encoding="utf-8"))
    ]

    assert not places, "\n".join(places)


def test_lines_stay_within_100_columns() -> None:
    """Of Python too, where ruff's rule could be switched off by a comment."""
    places = [
        place
        for path in files()
        if path.suffix in {".md", ".py", ".pyi", ".sql"}
        for place in wide_lines(path, path.read_text(encoding="utf-8"))
    ]

    assert not places, "\n".join(places)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.md", "One.\n\nIt is made anew.\n", ["a.md:3: “anew”: write again"]),
        ("a.md", "```\nmended\n```\n\nand `told`\n", []),
        ("a.md", "There are no others, and none is no longer here.\n", []),
        ("a.md", "This is no event.\n", ["a.md:1: “is no”: write is not a"]),
        ("a.py", '"""What became\nof it."""\nmended = 1\n', ["a.py:1: “became of”"]),
        ("a.py", 'x = 1\nfail(\n    "It was "\n    "told."\n)\n', ["a.py:4: “told”"]),
        ("a.py", "x = 1  # for so\n# many of them\n", ["a.py:1: “so # many”"]),
        ("tests/a.py", 'x = f(\n    "told"\n)  # told\n', ["tests/a.py:3: “told”"]),
        ("a.sql", "select told from judged; -- told\n", ["a.sql:1: “told”"]),
        ("a.sql", "comment on x is 'for\n' 'nothing';\n", ["a.sql:1: “for ' 'nothing”"]),
        ("a.yml", "# Whoever reads it.\n", ["a.yml:1: “Whoever”"]),
    ],
)
def test_a_word_is_found_where_a_person_reads_it(name: str, text: str, expected: list[str]) -> None:
    places = found(ROOT / name, text)

    assert len(places) == len(expected)
    for place, begins in zip(places, expected, strict=True):
        assert place.startswith(begins)


@pytest.mark.parametrize(
    ("name", "line", "wide"),
    [
        ("a.md", "word " * 21, True),
        ("a.md", "| " + "word " * 21 + "|", False),
        ("a.md", "[x](" + "a" * 100 + ")", False),
        ("a.sql", "-" * 100, False),
        ("a.sql", "-" * 101, True),
    ],
)
def test_a_line_is_too_long_beyond_100_columns(name: str, line: str, wide: bool) -> None:
    assert bool(wide_lines(ROOT / name, line + "\n")) is wide
