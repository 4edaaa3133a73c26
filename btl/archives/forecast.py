"""How many comments of an export will be late: posted after the end of their windows.

The closing run decides it in the database, once everything is imported. This says it before, from
the events about the articles as they will be sent, and the closing rules. Tests hold both to be
equal. What the database has already of the same articles does not count here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Literal, NamedTuple

from below_the_line.closing.rules import Rule
from below_the_line.contracts.times import from_datetime
from below_the_line.resources import sql
from btl.archives.facts import Facts, VersionFact

_HOUR = 3_600_000_000
_BEGINNING = -(1 << 63)
_END = (1 << 63) - 1
EXAMPLES = 3
"""How many examples are kept of what is counted."""

Cause = Literal["rule", "article", "disabled", "unpublished"]
"""Why a discussion is closed: a closing rule; what its article says of it; it never was open; the
article was taken down.
"""


class ClosingRule(NamedTuple):
    """A closing rule. Without a site: every site; without a section: every section."""

    window_hours: int
    site: str | None = None
    section: str | None = None
    valid_from: int = _BEGINNING
    """For articles published from then on, in microseconds since 1970."""


DEFAULT_RULES = (ClosingRule(14 * 24),)
"""The rules of a new installation."""


def closing_rules(rules: Iterable[Rule]) -> tuple[ClosingRule, ...]:
    """Return the rules of the database for a forecast; ``rules`` as ``all_rules`` orders them."""
    return tuple(
        ClosingRule(
            rule.window_hours,
            rule.site,
            rule.section,
            _BEGINNING if rule.valid_from is None else from_datetime(rule.valid_from),
        )
        for rule in rules
    )


class RuleBook:
    """Finds the rule that is in force for an article."""

    def __init__(self, rules: Iterable[ClosingRule]) -> None:
        """``rules``: of those with the same scope and ``valid_from``, the last one counts."""
        self._by_scope = defaultdict[tuple[str | None, str | None], list[ClosingRule]](list)
        for rule in sorted(rules, key=lambda rule: rule.valid_from):
            self._by_scope[rule.site, rule.section].append(rule)

    def in_force(self, anchor: int, site: str, section: str | None) -> ClosingRule | None:
        """Return the rule of the narrowest scope that has one for articles published then."""
        scopes: list[tuple[str | None, str | None]] = [(site, None), (None, None)]
        if section is not None:
            scopes = [(site, section), (None, section), *scopes]
        for scope in scopes:
            for rule in reversed(self._by_scope.get(scope, ())):
                if rule.valid_from <= anchor:
                    return rule
        return None


class LateRange(NamedTuple):
    """From when until before when comments of an article are late."""

    starts_at: int
    ends_at: int
    cause: Cause


@dataclass(frozen=True)
class LateComments:
    """The late comments of an article."""

    article_id: str
    late: int
    comments: int
    cause: Cause


@dataclass
class Forecast:
    """How many comments will be late."""

    comments: int = 0
    """All comments of the export; an id that comes twice counts once."""
    late: int = 0
    by_site: Counter[str] = field(default_factory=Counter)
    by_cause: Counter[Cause] = field(default_factory=Counter)
    articles: int = 0
    """Articles with late comments."""
    examples: list[LateComments] = field(default_factory=list)
    """The articles with the most late comments."""


def late_ranges(versions: Sequence[VersionFact], rules: RuleBook) -> list[LateRange]:
    """Return when comments of an article are late, in order of time.

    ``versions`` are those of one article, in the order of their order keys, at least one. What is
    posted before the anchor is in time.
    """
    anchor, setter = None, versions[0]
    for version in versions:
        new = version.published_at
        if new is None or new == anchor:
            continue
        if anchor is None or version.occurred_at < anchor or new < anchor:
            anchor, setter = new, version
    rule = None if anchor is None else rules.in_force(anchor, setter.site, setter.section)
    by_rule = None if anchor is None or rule is None else anchor + rule.window_hours * _HOUR
    begin = _BEGINNING if anchor is None else anchor
    cuts = {begin, _END}
    cuts.update(version.effective_at for version in versions)
    cuts.update(close for version in versions if (close := _own_close(version, anchor)) is not None)
    if by_rule is not None:
        cuts.add(by_rule)
    ranges: list[LateRange] = []
    for start, end in pairwise(sorted(cut for cut in cuts if cut >= begin)):
        cause = _closed_by(start, versions, anchor, by_rule)
        if cause is None:
            continue
        if ranges and ranges[-1].ends_at == start and ranges[-1].cause == cause:
            start = ranges.pop().starts_at
        ranges.append(LateRange(start, end, cause))
    return ranges


def forecast(facts: Facts, rules: RuleBook, *, but_for: datetime | None = None) -> Forecast:
    """Return how many comments will be late. Call it after everything was added to the facts.

    ``but_for``: a ``closes_at`` of articles that does not count: their discussions close by the
    rules. Memory stays the same, however many comments there are.
    """
    facts.make_indexes()
    database = facts.connection
    database.execute(sql("archives/survey/late_ranges.sql").decode())
    database.execute(sql("archives/survey/clear_late_ranges.sql").decode())
    ignored = None if but_for is None else from_datetime(but_for)
    database.execute("begin")
    database.executemany(
        "insert into late_ranges values (?, ?, ?, ?, ?)",
        (
            (versions[0].article_id, _site(versions), *late)
            for versions in _by_article(facts)
            for late in late_ranges([_without(ignored, each) for each in versions], rules)
        ),
    )
    database.execute("commit")
    found = Forecast()
    [(found.comments,)] = database.execute(sql("archives/survey/count_comments.sql").decode())
    rows = database.execute(sql("archives/survey/late_comments.sql").decode())
    for (article_id, site, comments), parts in groupby(rows, key=itemgetter(0, 1, 2)):
        causes: Counter[Cause] = Counter({cause: late for *_, cause, late in parts})
        late = causes.total()
        found.late += late
        found.by_site[site] += late
        found.by_cause.update(causes)
        found.articles += 1
        [(cause, _)] = causes.most_common(1)
        found.examples.append(LateComments(article_id, late, comments, cause))
        found.examples.sort(key=lambda example: -example.late)
        del found.examples[EXAMPLES:]
    return found


def _by_article(facts: Facts) -> Iterator[list[VersionFact]]:
    """Yield the versions of each article, in the order of their order keys."""
    # A cursor of its own: rows are written while they are read.
    rows = facts.connection.execute(sql("archives/survey/versions.sql").decode())
    for _, versions in groupby(map(VersionFact._make, rows), key=lambda version: version[0]):
        yield list(versions)


def _without(closes_at: int | None, version: VersionFact) -> VersionFact:
    if closes_at is None or version.closes_at != closes_at:
        return version
    return version._replace(closes_at=None)


def _site(versions: Sequence[VersionFact]) -> str:
    """Return the site that the article has in the end."""
    return next(
        (version.site for version in reversed(versions) if version.kind == "published"), "default"
    )


def _own_close(version: VersionFact, anchor: int | None) -> int | None:
    if version.closes_at is not None:
        return version.closes_at
    if anchor is None or version.window_hours is None:
        return None
    return anchor + version.window_hours * _HOUR


def _closed_by(
    at: int, versions: Sequence[VersionFact], anchor: int | None, by_rule: int | None
) -> Cause | None:
    """Return why comments are not accepted at an instant; None: they are."""
    effective = [version for version in versions if version.effective_at <= at]
    if effective and effective[-1].kind == "unpublished":
        return "unpublished"
    settings = next(
        (version for version in reversed(effective) if version.kind == "published"), None
    )
    if settings is not None:
        if not settings.enabled:
            return "disabled"
        own_close = _own_close(settings, anchor)
        if own_close is not None:
            return None if at < own_close else "article"
    return None if by_rule is None or at < by_rule else "rule"
