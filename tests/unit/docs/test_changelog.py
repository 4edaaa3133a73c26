"""The changelog: a merge of two branches repeats neither lines nor headings."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

CHANGELOG = (Path(__file__).resolve().parents[3] / "CHANGELOG.md").read_text(encoding="utf-8")
VERSIONS = dict(
    re.findall(r"^## \[(.+?)\][^\n]*\n(.*?)(?=^## \[|\Z)", CHANGELOG, re.MULTILINE | re.DOTALL)
)
ITEM = re.compile(r"^- .*(?:\n  .*)*", re.MULTILINE)


def repeated(texts: Iterable[str]) -> list[str]:
    return [text for text, count in Counter(texts).items() if count > 1]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_item_and_no_line_of_a_version_is_repeated(version: str) -> None:
    items = [" ".join(each.split()) for each in ITEM.findall(VERSIONS[version])]
    assert items
    assert repeated(items) == []
    lines = [line.strip() for line in VERSIONS[version].splitlines()]
    # Shorter ones can be the same by chance.
    assert repeated(line for line in lines if len(line) > 50) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_each_heading_of_a_version_comes_once(version: str) -> None:
    assert repeated(re.findall(r"^#+ .*", VERSIONS[version], re.MULTILINE)) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_items_of_a_list_are_not_apart(version: str) -> None:
    assert re.findall(r"^(?:- |  ).*\n\n+(- .*)", VERSIONS[version], re.MULTILINE) == []


def test_what_an_upgrade_needs_comes_first() -> None:
    notes = [
        at.start() for at in re.finditer("upgrade note", VERSIONS["Unreleased"], re.IGNORECASE)
    ]
    assert all(at < VERSIONS["Unreleased"].index("### ") for at in notes)
