"""What an export holds, and what is odd in it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from below_the_line.contracts.times import from_datetime
from btl.archives import survey as survey_module
from btl.archives.facts import ArticleFact, CommentFact, Facts, VersionFact, temporary_facts
from btl.archives.survey import Closing, Example, Finding, Reasons, Span, Survey, in_circles, survey
from tests.hypothesis_profiles import examples

START = datetime(2019, 5, 1, tzinfo=UTC)
NFC, NFD = "caf\u00e9", "cafe\u0301"


class Export:
    """Facts of an export; every row has a line of its own."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._lines = {"a.csv": 1, "c.csv": 1}
        self._survey: Survey | None = None

    def article(self, article_id: str, url: str | None = None, hours: int = 0) -> None:
        at = from_datetime(START + timedelta(hours=hours))
        self._facts.add_article(
            ArticleFact(
                article_id,
                url or f"https://example.org/{article_id}",
                *(None, None, None),
                at,
                at,
                *(None, None, None),
                *self._place("a.csv"),
            )
        )
        version = f"{article_id} {self._lines['a.csv']}".encode()
        self._facts.add_version(VersionFact(article_id, version, "published", at, at, at))

    def comment(
        self,
        comment_id: str,
        parent_id: str | None = None,
        hours: int = 1,
        article_id: str = "a",
        name: str | None = None,
        user_id: str = "u",
        text: int = 1,
    ) -> None:
        self._facts.add_comment(
            CommentFact(
                article_id,
                comment_id,
                parent_id,
                from_datetime(START + timedelta(hours=hours)),
                user_id if name is None else f"name:{name}",
                name,
                text,
                *self._place("c.csv"),
            )
        )

    def survey(self) -> Survey:
        # Facts can be surveyed once.
        self._survey = self._survey or survey(self._facts, Closing("rules", is_asked=False))
        return self._survey

    def findings(self) -> dict[str, tuple[int, list[str]]]:
        return {
            found.name: (
                found.number,
                [f"{each.what} ({each.file}, {each.within})" for each in found.examples],
            )
            for found in self.survey().findings
        }

    def said(self) -> list[str]:
        return [found.said for found in self.survey().findings]

    def _place(self, file: str) -> tuple[str, str]:
        self._lines[file] += 1
        return file, f"line {self._lines[file]}"


@pytest.fixture
def export() -> Any:
    with temporary_facts() as facts:
        yield Export(facts)


def test_an_export_without_oddities_is_only_counted(export: Export) -> None:
    export.article("a")
    export.article("b", hours=24)
    export.comment("1", hours=1)
    export.comment("2", "1", hours=2, user_id="v")
    export.comment("1", hours=30, article_id="b", name="Otter")
    found = export.survey()
    assert found.findings == []
    assert (found.articles, found.comments, found.replies) == (2, 3, 1)
    assert (found.people, found.names) == (3, 1)
    assert found.published == Span(START, START + timedelta(hours=24))
    assert found.posted == Span(START + timedelta(hours=1), START + timedelta(hours=30))
    assert found.late.late == 0


def test_nothing_is_counted_as_nothing(export: Export) -> None:
    found = export.survey()
    assert (found.articles, found.comments, found.people, found.names) == (0, 0, 0, 0)
    assert (found.published, found.posted, found.findings) == (None, None, [])


def test_comments_of_articles_that_are_not_there(export: Export) -> None:
    export.article("a")
    export.comment("1")
    for comment_id, article_id in (("1", "x"), ("2", "x"), ("3", "y")):
        export.comment(comment_id, article_id=article_id)
    assert export.findings() == {
        "comments_without_article": (
            3,
            ["article x, comment 1 (c.csv, line 3)", "article y, comment 3 (c.csv, line 5)"],
        )
    }


def test_parents_that_are_missing_foreign_later_or_in_a_circle(export: Export) -> None:
    export.article("a")
    export.article("b")
    export.comment("root")
    export.comment("1", "nowhere", hours=2)
    export.comment("elsewhere", article_id="b")
    export.comment("2", "elsewhere", hours=2)
    export.comment("3", "4", hours=2)
    export.comment("4", "root", hours=3)
    export.comment("5", "5", hours=2)
    export.comment("6", "7", hours=2)
    export.comment("7", "6", hours=3)
    export.comment("8", "7", hours=4)
    export.comment("9", "root", hours=1)
    assert export.findings() == {
        "missing_parents": (1, ["comment 1 of article a answers nowhere (c.csv, line 3)"]),
        "foreign_parents": (
            1,
            ["comment 2 of article a answers elsewhere of article b (c.csv, line 5)"],
        ),
        "later_parents": (
            2,
            [
                "comment 3 of article a answers 4 (c.csv, line 6)",
                "comment 6 of article a answers 7 (c.csv, line 9)",
            ],
        ),
        "cyclic_parents": (
            3,
            [
                "comment 5 of article a answers 5 (c.csv, line 8)",
                "comment 6 of article a answers 7 (c.csv, line 9)",
                "comment 7 of article a answers 6 (c.csv, line 10)",
            ],
        ),
    }


def test_a_circle_whose_comments_have_one_time_is_found(export: Export) -> None:
    export.article("a")
    export.comment("1", "2")
    export.comment("2", "1")
    assert {name: number for name, (number, _) in export.findings().items()} == {
        "cyclic_parents": 2
    }


@pytest.mark.parametrize("bundle", [1, 3, 5_000])
def test_many_replies_without_parents_are_all_counted(
    monkeypatch: pytest.MonkeyPatch, export: Export, bundle: int
) -> None:
    monkeypatch.setattr(survey_module, "_BUNDLE", bundle)
    export.article("a")
    export.comment("x", article_id="b")
    for number in range(10):
        export.comment(str(number), "x" if number % 2 else f"no {number}", hours=number)
    found = {name: number for name, (number, _) in export.findings().items()}
    assert found == {"comments_without_article": 1, "missing_parents": 5, "foreign_parents": 5}


def test_ids_that_come_twice_with_the_same_and_with_different_texts(export: Export) -> None:
    export.article("a")
    export.article("b")
    export.article("a", hours=1)
    export.article("a")
    for comment_id, text in (("1", 1), ("2", 1), ("1", 1), ("2", 2), ("3", 1), ("2", 1)):
        export.comment(comment_id, text=text)
    export.comment("3", article_id="b", text=9)
    assert export.findings() == {
        "articles_twice": (1, ["article a, 3 times (a.csv, line 4)"]),
        "comments_twice": (1, ["comment 1 of article a, 2 times (c.csv, line 4)"]),
        "comments_twice_with_other_texts": (
            1,
            ["comment 2 of article a, 3 times (c.csv, line 7)"],
        ),
    }
    assert export.survey().comments == 4


def test_people_of_one_name_are_merged(export: Export) -> None:
    export.article("a")
    for number, name in enumerate(("Otter", "Lynx", "Otter", "Heron", "Lynx", "Otter")):
        export.comment(str(number), name=name)
    export.comment("7", user_id="u")
    export.comment("8", user_id="u")
    assert export.findings() == {
        "people_by_name": (
            2,
            ["Otter: 3 comments (c.csv, line 2)", "Lynx: 2 comments (c.csv, line 3)"],
        )
    }
    found = export.survey()
    assert (found.people, found.names) == (4, 3)


def test_ids_that_differ_only_in_their_normal_form(export: Export) -> None:
    export.article(NFC, "https://example.org/1")
    export.article("nai\u0308f", "https://example.org/2")
    export.comment("1", article_id=NFD)
    export.comment("2", article_id="nai\u0308f")
    export.comment(NFC, article_id=NFC, name=NFC)
    export.comment("3", NFD, hours=2, article_id=NFC, name=NFD)
    found = export.findings()
    assert found["other_forms_of_article_ids"] == (1, [f"{NFD} (c.csv, line 2)"])
    assert found["other_forms_of_comment_ids"] == (1, [f"{NFD} (c.csv, line 5)"])
    assert found["other_forms_of_person_ids"] == (1, [f"name:{NFD} (c.csv, line 5)"])
    assert set(found) - {name for name in found if name.startswith("other_forms")} == {
        "comments_without_article",
        "missing_parents",
    }


def test_two_forms_of_one_id_that_are_both_not_the_normal_one(export: Export) -> None:
    export.article("a")
    # Two marks below and above, in either order.
    for comment_id in ("o\u0323\u0302", "o\u0302\u0323"):
        export.comment(comment_id)
    assert export.findings()["other_forms_of_comment_ids"][0] == 2


def test_articles_under_addresses_that_mean_one_page(export: Export) -> None:
    export.article("a", "https://example.org/rain")
    export.article("b", "http://www.example.org/rain/?utm_source=mail")
    export.article("b", "http://www.example.org/rain/?utm_source=mail")
    export.article("c", "https://example.org/?p=1")
    export.article("d", "https://example.org/?p=2")
    assert export.findings()["same_addresses"] == (
        1,
        [
            "a https://example.org/rain, b http://www.example.org/rain/?utm_source=mail"
            " (a.csv, line 3)"
        ],
    )


def test_what_is_said_is_right_for_one_and_for_several(export: Export) -> None:
    export.comment("1", "x", article_id="one")
    assert export.said() == [
        "1 comment is of 1 article that does not come in: missing, left out or rejected. No"
        " discussion of it closes until the article comes.",
        "1 reply answers a comment that does not come in: missing, left out or rejected.",
    ]


def test_no_more_than_a_few_examples_are_kept(export: Export) -> None:
    export.article("a")
    for number in range(9):
        export.comment(str(number), str(number), name="Otter", hours=1)
        export.comment(f"{number} late", f"{number} later", hours=1)
        export.comment(f"{number} later", hours=2)
    found = export.survey().findings
    assert [each.number for each in found] == [9, 9, 1]
    assert [len(each.examples) for each in found] == [3, 3, 1]


@examples(300)
@given(
    parents=st.dictionaries(st.integers(0, 9).map(str), st.integers(0, 12).map(str), max_size=10)
)
def test_circles_are_what_leads_back(parents: dict[str, str]) -> None:
    def leads_back(start: str) -> bool:
        at = start
        return any((at := parents.get(at, "")) == start for _ in parents)

    assert in_circles(parents) == {each for each in parents if leads_back(each)}


def test_reasons_that_differ_only_in_what_they_quote_are_one() -> None:
    reasons = Reasons()
    reasons.add("c.csv", "line 2", "posted_at: 'soon' is not a time")
    reasons.add("c.csv", "line 3", "has no article_id")
    reasons.add("c.csv", "line 9", "posted_at: 'it\\'s 12' is not a time")
    assert reasons.found == [
        Finding(
            "rejected",
            2,
            "posted_at: '…' is not a time",
            [
                Example("posted_at: 'soon' is not a time", "c.csv", "line 2"),
                Example("posted_at: 'it\\'s 12' is not a time", "c.csv", "line 9"),
            ],
        ),
        Finding(
            "rejected",
            1,
            "has no article_id",
            [Example("has no article_id", "c.csv", "line 3")],
        ),
    ]


def test_what_differs_is_left_out_of_the_heading_and_its_frequent_values_are_counted() -> None:
    reasons = Reasons()
    words = ["gesperrt"] * 3 + ["wartet"] * 5 + ["a", "b", "c", "d"]
    for number, word in enumerate(words):
        reasons.add("c.csv", f"line {number}", f"status: '{word}' is not one of 'spam' or 2.")
    [found] = reasons.found
    assert (found.number, found.said) == (12, "status: '…' is not one of 'spam' or 2")
    assert list(found.values.items()) == [
        *(("'wartet'", 5), ("'gesperrt'", 3)),
        *(("'a'", 1), ("'b'", 1), ("'c'", 1)),
    ]


def test_several_values_of_a_reason_are_counted_together() -> None:
    reasons = Reasons()
    for hours, word in ((24, "a"), (24, "a"), (48, "b")):
        reasons.add("c.csv", "line 2", f'{hours} hours of "{word}"')
    [found] = reasons.found
    assert (found.said, found.values) == ('… hours of "…"', {'24, "a"': 2, '48, "b"': 1})


def test_the_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_module, "_MAX_VALUES", 2)
    reasons = Reasons()
    for word in ("a", "b", "b", "c", "c", "c"):
        reasons.add("c.csv", "line 2", f"'{word}' is not a time")
    [found] = reasons.found
    assert (found.number, found.values) == (6, {"'b'": 2, "'a'": 1})


def test_what_comes_twice_counts_once_in_every_finding(export: Export) -> None:
    for _ in range(2):
        export.article("a")
        export.comment("root", hours=3, name="Otter")
        export.comment("1", "root", hours=1, name="Otter")
        export.comment("2", "nowhere", name="Lynx")
        export.comment("3", "x", user_id="u")
        export.comment("x", article_id="b", user_id="u")
    found = export.findings()
    assert {name: (number, len(shown)) for name, (number, shown) in found.items()} == {
        "comments_without_article": (1, 1),
        "missing_parents": (1, 1),
        "foreign_parents": (1, 1),
        "later_parents": (1, 1),
        "articles_twice": (1, 1),
        "comments_twice": (5, 3),
        "people_by_name": (1, 1),
    }
    assert found["people_by_name"][1] == ["Otter: 2 comments (c.csv, line 2)"]
    assert export.survey().replies == 3


def test_the_number_of_reasons_is_bounded() -> None:
    reasons = Reasons()
    for number in range(200):
        reasons.add("c.csv", f"line {number}", "x" * (number + 1))
    assert len(reasons.found) == 51
    assert reasons.found[0].said == "another reason"
    assert sum(each.number for each in reasons.found) == 200
