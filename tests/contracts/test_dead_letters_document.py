"""docs/dead-letters.md explains every code, and no other; the database knows their stages."""

import re
from pathlib import Path

from below_the_line.catalogue import examples
from below_the_line.contracts.codes import STAGES
from below_the_line.resources import SQL

TEXT = (Path(__file__).parents[2] / "docs" / "dead-letters.md").read_text(encoding="utf-8")


def test_the_documents_list_is_the_codes_list_in_order_of_precedence() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) \| (\w+) \|", TEXT, re.MULTILINE)
    assert [(code, stage) for code, _, stage in rows] == list(STAGES.items())
    assert all(code == anchor for code, anchor, _ in rows)


def test_the_database_accepts_the_stages_of_the_codes() -> None:
    text = (SQL / "tables" / "10_dead_letters.sql").read_text(encoding="utf-8")
    (stages,) = re.findall(r"check \(stage in \((.*)\)\)", text)
    assert re.findall(r"'(\w+)'", stages) == list(dict.fromkeys(STAGES.values()))


def test_each_code_is_explained_with_an_example_that_has_it() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
    assert list(sections) == list(STAGES)
    codes = {
        example.name: example.code
        for example in examples(False)
        if example.event_type == "comment.posted.v1"
    }
    for code, section in sections.items():
        assert "*What to do:*" in section
        named = re.findall(r"\bExample:\s+`([\w-]+)`", section)
        if code != "rejected_by_database":
            assert [codes[name] for name in named] == [code]
