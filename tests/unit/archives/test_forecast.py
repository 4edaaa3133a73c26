"""When comments of an article are late, from the events about it: as the plain model of closing
says.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from below_the_line.contracts.times import from_datetime
from btl.archives.closing import NEVER
from btl.archives.facts import CommentFact, VersionFact, temporary_facts
from btl.archives.forecast import (
    ClosingRule,
    LateComments,
    RuleBook,
    forecast,
    late_ranges,
)
from tests.hypothesis_profiles import examples
from tests.sql.timeline_model import BEFORE_ALL, Rule, Timeline, Version

START = datetime(2019, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITES, SECTIONS = ("default", "weekly"), ("news", "sport")
# Few instants, so that events meet.
INSTANTS = st.integers(0, 12).map(lambda hour: START + hour * HOUR)
RULES = st.builds(
    Rule,
    st.integers(1, 8),
    st.just(0),
    st.none() | st.sampled_from(SITES),
    st.none() | st.sampled_from(SECTIONS),
    st.just(BEFORE_ALL) | INSTANTS,
)


@st.composite
def published(draw: st.DrawFn) -> Version:
    own = draw(st.sampled_from(["none", "none", "off", "closes_at", "window_hours"]))
    at = draw(INSTANTS)
    return Version(
        "published",
        draw(st.just(at) | INSTANTS),
        draw(st.sampled_from([at, at, at, None])),
        own != "off",
        draw(INSTANTS) if own == "closes_at" else None,
        draw(st.integers(1, 8)) if own == "window_hours" else None,
        draw(st.sampled_from(SITES)),
        draw(st.none() | st.sampled_from(SECTIONS)),
    )


UNPUBLISHED = st.builds(Version, st.just("unpublished"), INSTANTS)


def microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else from_datetime(moment)


def fact(number: int, version: Version) -> VersionFact:
    effective_at = from_datetime(version.effective)
    return VersionFact(
        "a",
        bytes([number]),
        "unpublished" if version.kind == "unpublished" else "published",
        effective_at,
        effective_at,
        microseconds(version.published_at),
        version.enabled,
        microseconds(version.closes_at),
        version.window_hours,
        version.site,
        version.section,
    )


def book(rules: Sequence[Rule]) -> RuleBook:
    return RuleBook(
        ClosingRule(rule.window_hours, rule.site, rule.section)
        if rule.valid_from == BEFORE_ALL
        else ClosingRule(rule.window_hours, rule.site, rule.section, from_datetime(rule.valid_from))
        for rule in rules
    )


@examples(1_000)
@given(
    versions=st.lists(st.one_of(*[published()] * 4, UNPUBLISHED), min_size=1, max_size=4),
    rules=st.lists(RULES, max_size=4),
)
def test_comments_are_late_where_the_model_says_so(
    versions: list[Version], rules: list[Rule]
) -> None:
    model = Timeline(versions, [], rules)
    late = late_ranges([fact(*each) for each in enumerate(versions)], book(rules))
    # Each instant that anything names, and those beside it.
    for named in (START - HOUR, *model.instants(), START + 40 * HOUR):
        for at in (named - timedelta(microseconds=1), named, named + timedelta(microseconds=1)):
            causes = [
                each.cause for each in late if each.starts_at <= from_datetime(at) < each.ends_at
            ]
            assert causes == ([] if model.in_time(at) else [model.judge(at).cause]), at


def version(article_id: str, site: str = "default", day: int = 1) -> VersionFact:
    at = from_datetime(START + timedelta(days=day - 1))
    return VersionFact(article_id, bytes([day]), "published", at, at, at, site=site)


def comment(article_id: str, comment_id: str, hours: int) -> CommentFact:
    at = from_datetime(START + hours * HOUR)
    return CommentFact(article_id, comment_id, None, at, "u", None, 1, "f", comment_id)


def test_late_comments_are_counted_by_site_and_cause() -> None:
    with temporary_facts() as facts:
        for article, site in (("a", "default"), ("b", "weekly"), ("c", "weekly"), ("d", "daily")):
            facts.add_version(version(article, site))
        facts.add_version(version("e")._replace(closes_at=from_datetime(START + HOUR)))
        for article, number in (("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("?", 6)):
            for each in range(number):
                facts.add_comment(comment(article, f"late {each}", 48 + each))
            facts.add_comment(comment(article, "in time", 1 if article != "e" else 0))
        rules = RuleBook([ClosingRule(48), ClosingRule(51, "weekly"), ClosingRule(1, "weekly")])
        found = forecast(facts, rules)
    assert found.comments == 1 + 2 + 3 + 4 + 5 + 6 + 6
    # In the weekly the comment after exactly one hour is late as well.
    assert found.late == 1 + 3 + 4 + 4 + 5
    assert found.by_site == {"default": 1 + 5, "weekly": 3 + 4, "daily": 4}
    assert found.by_cause == {"rule": 12, "article": 5}
    assert found.articles == 5
    assert found.examples == [
        LateComments("e", 5, 6, "article"),
        LateComments("c", 4, 4, "rule"),
        LateComments("d", 4, 5, "rule"),
    ]


def test_discussions_that_never_close_can_be_forecast_as_if_they_closed_by_the_rules() -> None:
    never, other = from_datetime(NEVER), from_datetime(NEVER) - 1
    with temporary_facts() as facts:
        facts.add_version(version("a")._replace(closes_at=never))
        facts.add_version(version("b")._replace(closes_at=other))
        for article in ("a", "b"):
            facts.add_comment(comment(article, "early", 1))
            facts.add_comment(comment(article, "late", 50))
        rules = RuleBook([ClosingRule(48)])
        assert forecast(facts, rules).late == 0
        by_rules = forecast(facts, rules, but_for=NEVER)
        assert (by_rules.late, by_rules.articles, by_rules.comments) == (1, 1, 4)
        assert forecast(facts, rules).late == 0


def test_of_an_id_that_comes_twice_the_earliest_posting_counts_once() -> None:
    with temporary_facts() as facts:
        facts.add_version(version("a"))
        for comment_id, hours in (("1", 60), ("1", 3), ("2", 50), ("2", 50), ("2", 70)):
            facts.add_comment(comment("a", comment_id, hours))
        found = forecast(facts, RuleBook([ClosingRule(48)]))
    assert (found.comments, found.late) == (2, 1)


def test_the_site_is_the_one_that_the_article_has_in_the_end() -> None:
    with temporary_facts() as facts:
        facts.add_version(version("a", "weekly", day=2))
        facts.add_version(version("a", "daily", day=1))
        facts.add_comment(comment("a", "1", 500))
        found = forecast(facts, RuleBook([ClosingRule(48)]))
    assert found.by_site == {"weekly": 1}


def test_without_articles_or_comments_nothing_is_late() -> None:
    with temporary_facts() as facts:
        found = forecast(facts, RuleBook([ClosingRule(48)]))
    assert (found.comments, found.late, found.by_site, found.examples) == (0, 0, {}, [])
