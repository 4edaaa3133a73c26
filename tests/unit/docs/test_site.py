"""The documentation site: its generated pages and its links. `make check` builds it."""

import re

import pytest

from below_the_line import catalogue
from below_the_line.errors import BelowTheLineError
from docs.site import build, contracts, links

EVENT_TYPES = [name for topic in catalogue.topics() for name in topic.event_types]
PAGES = {"docs/runbook.md": "runbook.md", "schemas/README.md": "contracts/index.md"}
FILES = frozenset({*PAGES, "deploy", "deploy/env.example"})


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_contract_page_has_each_member_and_each_example(event_type: str) -> None:
    text = dict(contracts.pages())[event_type]
    members = list(catalogue.schema_document(event_type)["properties"])
    documents = catalogue.example_documents(event_type)
    examples = [each for kind in ("valid", "invalid") for each in documents[kind].values()]

    for name in members:
        assert re.search(rf"^\| `([\w.\[\]]+\.)?{name}` \|", text, re.MULTILINE), name
    assert examples
    for example in examples:
        assert example["description"].replace("|", "\\|") in text


def test_a_member_shows_its_type_limits_and_default_through_the_reference() -> None:
    text = dict(contracts.pages())["comment.posted.v1"]

    assert "| `comment_id` | string | yes |" in text
    assert "unique within its article. (1 to 200 bytes) |" in text
    assert '| `author.role` | `"reader"`, `"staff"`, `null` | no |' in text
    assert "(default `false`) |" in text


def test_a_link_follows_its_page_and_keeps_its_anchor() -> None:
    moved = links.moved(
        "See [it](../docs/runbook.md#how-far-is-it), [up](#top) and [out](https://example.com).",
        "schemas/README.md",
        "contracts/index.md",
        PAGES,
        FILES,
    )

    assert "[it](../runbook.md#how-far-is-it)" in moved
    assert "[up](#top) and [out](https://example.com)" in moved


def test_a_link_to_a_file_that_the_site_lacks_becomes_its_path() -> None:
    moved = links.moved(
        "See [roles](../deploy) and [env](../deploy/env.example).\n\n```\n[x](nowhere)\n```\n",
        "docs/runbook.md",
        "runbook.md",
        PAGES,
        FILES,
    )

    assert "roles (`deploy`) and env (`deploy/env.example`)" in moved
    assert "[x](nowhere)" in moved


def test_a_link_to_nothing_is_an_error_that_names_file_and_target() -> None:
    with pytest.raises(BelowTheLineError, match=r"docs/runbook\.md links to gone\.md"):
        links.moved("[x](gone.md)", "docs/runbook.md", "runbook.md", PAGES, FILES)


def test_the_site_has_every_page_and_its_navigation_each_of_them_once() -> None:
    made = build.texts()
    navigated = build.navigated(build.configuration()["nav"])

    assert sorted(navigated) == sorted(made)
    assert {f"contracts/{event_type}.md" for event_type in EVENT_TYPES} <= made.keys()
    row = r"^\| (\d+) \| \[(.+)\]\((\S+)\) \|$"
    listed = re.findall(row, made["adr/index.md"], re.MULTILINE)
    assert [(name, f"{number}. {title}") for number, title, name in listed] == build.decisions()


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<script src="https://cdn.example/x.js"></script>', True),
        ('<link href="//fonts.example/css" rel="stylesheet">', True),
        ('<img alt="" src="http://elsewhere.example/x.png">', True),
        ('<a href="https://example.com">a link may leave</a>', False),
        ('<script src="assets/x.js"></script><link rel="icon" href="assets/x.png">', False),
    ],
)
def test_an_asset_from_another_host_is_found(html: str, found: bool) -> None:
    assert bool(build.loads_from_another_host(html)) is found


def test_each_decision_has_a_number_of_its_own_and_the_form_of_the_others() -> None:
    names = [name for name, _ in build.decisions()]
    numbers = [name[:4] for name in names]
    assert len(set(numbers)) == len(numbers)
    for name, title in build.decisions():
        text = (build.ROOT / "docs" / "adr" / name).read_text(encoding="utf-8")
        assert title.startswith(f"{int(name[:4])}. "), name
        parts = re.findall(r"^(?:(Status): |\*\*(Context|Decision|Consequences)\.\*\*)", text, re.M)
        assert ["".join(each) for each in parts] == [
            "Status",
            "Context",
            "Decision",
            "Consequences",
        ], name
