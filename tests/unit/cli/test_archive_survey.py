"""What is said of an export before anything is sent."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import pytest
from pydantic import SecretStr
from rich.console import Console

from below_the_line.settings import Settings
from btl.archives.checking import Tally
from btl.archives.forecast import DEFAULT_RULES, Forecast, LateComments
from btl.archives.records import Place
from btl.archives.survey import Closing, Example, Finding, RulesInForce, Span, Survey
from btl.cli import archive_survey, configuration, output
from btl.cli.archive_survey import print_survey, rules_in_force, survey_document

START, END = datetime(2019, 5, 1, 8, tzinfo=UTC), datetime(2019, 6, 4, tzinfo=UTC)
REASON = Finding(
    "rejected",
    2,
    "has no time: 'soon'",
    [
        Example("has no time: 'soon'", "c.csv", "line 2"),
        Example("has no time: 'later'", "c.csv", "line 7"),
    ],
)


def survey(late: Forecast, closing: Closing, findings: list[Finding] | None = None) -> Survey:
    return Survey(
        1, Span(START, START), 53, Span(START, END), 1, 12, 3, findings or [], closing, late
    )


def printed(
    capsys: pytest.CaptureFixture[str],
    found: Survey,
    *reasons: Finding,
    tally: Tally | None = None,
) -> str:
    print_survey(found, reasons, tally or Tally())
    return capsys.readouterr().out


def test_everything_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    late = Forecast(
        53,
        39,
        Counter({"default": 39}),
        Counter({"rule": 30, "article": 9}),
        2,
        [LateComments("a", 30, 40, "rule"), LateComments("b\x1b", 9, 13, "article")],
    )
    odd = Finding("missing_parents", 1, "1 reply answers nothing.", [Example("x", "c", "line 3")])
    rules = RulesInForce(DEFAULT_RULES, "default", "BTL_DATABASE_URL is not set")
    found = survey(late, Closing("rules", False, rules), [odd])
    tally = Tally(stand_ins=Counter({"comment.posted.v1 author.user_id": 1_200}))
    tally.leave_out(Place("c.csv", "line 9"), "pingbacks", "no reader wrote them", 2)
    assert printed(capsys, found, REASON, tally=tally) == (
        "articles   1  published on 2019-05-01\n"
        "comments  53  posted from 2019-05-01 to 2019-06-04; 1 reply\n"
        "people    12  3 known only by a name\n"
        "\n"
        "Odd in it\n"
        "  1 reply answers nothing.\n"
        "      x (c, line 3)\n"
        "  2 items rejected: has no time: 'soon'.\n"
        "      c.csv, line 2\n"
        "      has no time: 'later' (c.csv, line 7)\n"
        "\n"
        "Left out\n"
        "  pingbacks, 2: no reader wrote them\n"
        "      c.csv, line 9\n"
        "\n"
        "What stands in for what the export does not say\n"
        "  comment.posted.v1  author.user_id  1,200\n"
        "\n"
        "When discussions close\n"
        "  Discussions close by the closing rules unless the export says when they closed (the"
        " default for tables: --never-close leaves them open). The rules are the default of two"
        " weeks, because BTL_DATABASE_URL is not set.\n"
        "  39 of 53 comments lie after the end of their windows, and will count as late: 30 because"
        " the closing rules close their discussions, 9 because the export says when their articles"
        " closed. If the site never closed its discussions: --never-close, or"
        " discussion.closes_at in the mapping.\n"
        "      article a: 30 of 40 comments\n"
        "      article b\\u001b: 9 of 13 comments\n"
        "\n"
    )


def test_values_of_a_reason_are_listed_with_their_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reason = Finding("rejected", 9, "status: '…' is not known", [], {"'gone'": 5, "'x'": 2})
    found = survey(Forecast(53), Closing("never", False))
    assert (
        "  9 items rejected: status: '…' is not known.\n"
        "      how often: 'gone' 5, 'x' 2, others 2\n"
    ) in printed(capsys, found, reason)


def test_places_are_in_lines_of_their_own_where_the_terminal_is_narrow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    examples = [
        Example("short", "c", "line 3"),
        Example("comment 1 of article 2 answers 3", "comments.csv", "line 4,711"),
        Example("comment 4,712 of article the-harbour-at-night answers 5", "c", "line 5"),
    ]
    odd = Finding("missing_parents", 3, "Odd.", examples)
    out = Console(file=StringIO(), width=40, force_terminal=False)
    for module in (archive_survey, output):
        monkeypatch.setattr(module, "console", lambda: out)
    print_survey(survey(Forecast(53), Closing("never", False), [odd]), [], Tally())
    said = out.file.getvalue()  # type: ignore[attr-defined]
    assert (
        "  Odd.\n"
        "      short (c, line 3)\n"
        "      comment 1 of article 2 answers 3\n"
        "        (comments.csv, line 4,711)\n"
        "      comment 4,712 of article\n"
        "        the-harbour-at-night answers 5\n"
        "        (c, line 5)\n"
    ) in said


def test_without_oddities_and_late_comments_little_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = survey(Forecast(53), Closing("never", False))
    assert printed(capsys, found).split("\n\n")[1] == (
        "When discussions close\n"
        "  Discussions stay open unless the export says when they closed (the default for this"
        " format, whose sites leave discussions open: --close-by-rules closes them by the closing"
        " rules).\n"
        "  None of 53 comments lies after the end of its window."
    )


@pytest.mark.parametrize(
    ("closing", "expected"),
    [
        (Closing("never", True), "(as asked with --never-close)."),
        (Closing("rules", True), "(as asked with --close-by-rules)."),
        (Closing("rules", True, RulesInForce(DEFAULT_RULES, "database")), "those of the database."),
    ],
)
def test_who_chose_the_policy_and_the_rules_is_said(
    capsys: pytest.CaptureFixture[str], closing: Closing, expected: str
) -> None:
    assert expected in printed(capsys, survey(Forecast(53), closing))


def test_what_would_come_of_the_closing_rules_is_said_where_discussions_stay_open(
    capsys: pytest.CaptureFixture[str],
) -> None:
    by_rules = Forecast(53, 39, articles=2)
    found = replace(survey(Forecast(53), Closing("never", False)), late_by_rules=by_rules)
    assert (
        "  None of 53 comments lies after the end of its window. By the closing rules of a new"
        " installation 39 would, in 2 articles.\n"
    ) in printed(capsys, found)
    assert survey_document(found, [])["late_by_rules"] == 39
    same = replace(found, late_by_rules=Forecast(53))
    assert "By the closing rules" not in printed(capsys, same)


def test_late_comments_of_one_cause_say_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    late = Forecast(53, 1, Counter({"default": 1}), Counter({"unpublished": 1}), 1, [])
    assert (
        "  1 of 53 comments lies after the end of its window, and will count as late, because"
        " their articles had been taken down.\n"
    ) in printed(capsys, survey(late, Closing("never", True)))


def test_the_document_has_the_same() -> None:
    late = Forecast(
        53,
        39,
        Counter({"default": 39}),
        Counter({"rule": 39}),
        1,
        [LateComments("a", 39, 53, "rule")],
    )
    odd = Finding("missing_parents", 1, "1 reply.", [Example("x", "c", "line 3")])
    rules = RulesInForce(DEFAULT_RULES, "default", "BTL_DATABASE_URL is not set")
    assert survey_document(survey(late, Closing("rules", False, rules), [odd]), [REASON]) == {
        "articles": 1,
        "published": Span(START, START),
        "comments": 53,
        "posted": Span(START, END),
        "replies": 1,
        "people": 12,
        "people_by_name_only": 3,
        "findings": {
            "missing_parents": {
                "number": 1,
                "said": "1 reply.",
                "examples": [Example("x", "c", "line 3")],
            }
        },
        "rejected": [
            {
                "reason": "has no time: 'soon'",
                "number": 2,
                "values": {},
                "examples": REASON.examples,
            }
        ],
        "closing": {
            "policy": "rules",
            "chosen_by": "format",
            "rules": "default",
            "why": "BTL_DATABASE_URL is not set",
        },
        "late_comments": {
            "number": 39,
            "of": 53,
            "articles": 1,
            "by_site": {"default": 39},
            "by_cause": {"rule": 39},
            "examples": [{"article_id": "a", "late": 39, "comments": 53, "cause": "rule"}],
        },
        "late_by_rules": None,
    }


def test_without_a_database_the_default_rules_are_taken_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for url, why in (
        (None, "BTL_DATABASE_URL is not set"),
        ("postgresql://nobody@127.0.0.1:1/none", "Postgres"),
    ):
        settings = Settings(database_url=None if url is None else SecretStr(url))
        monkeypatch.setattr(configuration, "settings", lambda settings=settings: settings)
        found = rules_in_force()
        assert (found.rules, found.origin) == (DEFAULT_RULES, "default")
        assert why in found.why
