"""What an export holds, and what is odd in it, before anything of it is sent.

Every oddity is a ``Finding``: how often, and the first places. All questions are asked of the facts
in SQLite, so memory stays the same, however many comments there are.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from below_the_line.contracts.times import to_datetime
from below_the_line.plurals import counted
from below_the_line.resources import sql
from btl.archives.closing import NEVER, Policy
from btl.archives.facts import Facts
from btl.archives.forecast import (
    DEFAULT_RULES,
    EXAMPLES,
    ClosingRule,
    Forecast,
    RuleBook,
    forecast,
)

_BUNDLE = 5_000
_MAX_REASONS = 50
_MAX_VALUES = 200
"""How many different reasons of one kind are counted by themselves."""
_VALUES_SAID = 5
_VARIABLE = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[0-9]+")


@dataclass(frozen=True)
class Example:
    """One of what is counted, and where it stands in the export."""

    what: str
    file: str
    within: str


@dataclass
class Finding:
    """Something odd: how often, and some examples."""

    name: str
    """For programs, such as ``missing_parents``."""
    number: int = 0
    said: str = ""
    """A sentence for people."""
    examples: list[Example] = field(default_factory=list)
    values: Mapping[str, int] = field(default_factory=dict)
    """Of what differs from item to item, the values that come most often, and how often."""

    def add(self, example: Example, number: int = 1) -> None:
        """Count it; the first ones are kept as examples."""
        self.number += number
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


@dataclass(frozen=True)
class Span:
    """From when to when."""

    first: datetime
    last: datetime


@dataclass(frozen=True)
class RulesInForce:
    """The closing rules that a forecast goes by."""

    rules: Sequence[ClosingRule] = DEFAULT_RULES
    origin: Literal["database", "default"] = "default"
    why: str = ""
    """Why the rules are not those of the database."""


@dataclass(frozen=True)
class Closing:
    """When a discussion closes if the export does not say."""

    policy: Policy
    is_asked: bool
    """Whether a person chose it; else it is the default of the format."""
    rules: RulesInForce = field(default_factory=RulesInForce)


@dataclass(frozen=True)
class Survey:
    """What an export holds. Comments are those that become valid events."""

    articles: int
    published: Span | None
    comments: int
    """An id that comes twice in an article counts once, here as in the findings."""
    posted: Span | None
    replies: int
    people: int
    """Authors, as the events name them."""
    names: int
    """Those of them who are known only by a name."""
    findings: Sequence[Finding]
    """What is odd, and how often; nothing that does not occur."""
    closing: Closing
    late: Forecast
    late_by_rules: Forecast | None = None
    """What would come of closing rules. None: discussions do close by them."""


class Reasons:
    """Why items were rejected: how often, and where first."""

    def __init__(self) -> None:
        self._by_pattern: dict[str, _Kind] = {}

    def add(self, file: str, within: str, reason: str) -> None:
        """Count a rejected item. Reasons that differ only in quoted texts and numbers are one."""
        reason = reason.rstrip(".")
        pattern = _VARIABLE.sub("…", reason)
        if pattern not in self._by_pattern and len(self._by_pattern) >= _MAX_REASONS:
            pattern, reason = "", "another reason"
        kind = self._by_pattern.setdefault(pattern, _Kind(reason))
        kind.add(Example(reason, file, within))

    @property
    def found(self) -> list[Finding]:
        """The reasons, the most frequent ones first; ``said`` has … in place of what differs."""
        found = [kind.found for kind in self._by_pattern.values()]
        return sorted(found, key=lambda reason: -reason.number)


class _Kind:
    """Rejected items whose reasons differ only in quoted texts and numbers."""

    def __init__(self, first: str) -> None:
        self._first = first
        self._finding = Finding("rejected")
        self._reasons = Counter[str]()

    def add(self, example: Example) -> None:
        self._finding.add(example)
        if example.what in self._reasons or len(self._reasons) < _MAX_VALUES:
            self._reasons[example.what] += 1

    @property
    def found(self) -> Finding:
        variables = {reason: _VARIABLE.findall(reason) for reason in self._reasons}
        differ = [len(set(column)) > 1 for column in zip(*variables.values(), strict=True)]
        places = iter(differ)
        said = _VARIABLE.sub(
            lambda each: _hidden(each[0]) if next(places) else each[0], self._first
        )
        values = Counter[str]()
        for reason, number in self._reasons.items():
            pairs = zip(variables[reason], differ, strict=True)
            values[", ".join(value for value, differs in pairs if differs)] += number
        # Where each comes once, the examples say as much.
        frequent = dict(values.most_common(_VALUES_SAID))
        if not any(differ) or max(frequent.values()) == 1:
            frequent = {}
        return replace(self._finding, said=said, values=frequent)


def _hidden(value: str) -> str:
    """Return a quoted text or a number without what it says."""
    return "…" if value[0].isdigit() else f"{value[0]}…{value[0]}"


def survey(facts: Facts, closing: Closing, more: Sequence[Finding] = ()) -> Survey:
    """Return what an export holds. Call it once, after everything of it was added to the facts.

    ``more``: findings of its reading.
    """
    rules = RuleBook(closing.rules.rules)
    late = forecast(facts, rules)
    by_rules = forecast(facts, rules, but_for=NEVER) if closing.policy == "never" else None
    for statement in (
        "repetitions",
        "index_articles",
        "index_other_forms",
        "people",
        "index_people",
    ):
        _query(facts, statement)
    [totals] = _query(facts, "totals")
    articles, first_published, last_published, replies, first, last, people, names = totals
    findings = [
        *more,
        _comments_without_article(facts),
        *_odd_parents(facts),
        _articles_twice(facts),
        *_comments_twice(facts),
        _merged_names(facts),
        *_other_forms(facts),
        _same_addresses(facts),
    ]
    return Survey(
        articles,
        _span(first_published, last_published),
        late.comments,
        _span(first, last),
        replies,
        people,
        names,
        [finding for finding in findings if finding.number],
        closing,
        late,
        by_rules,
    )


def in_circles(parents: Mapping[str, str]) -> set[str]:
    """Return the comments from which the way from parent to parent comes back to them.

    ``parents``: of each reply the comment that it answers.
    """
    circles: set[str] = set()
    seen: set[str] = set()
    for start in parents:
        way: dict[str, int] = {}
        at: str | None = start
        while at is not None and at not in seen:
            seen.add(at)
            way[at] = len(way)
            at = parents.get(at)
        if at in way:
            circles.update(each for each, place in way.items() if place >= way[at])
    return circles


def _comments_without_article(facts: Facts) -> Finding:
    found = Finding("comments_without_article")
    articles = 0
    for article_id, comments, comment_id, *place in _query(facts, "comments_without_article"):
        articles += 1
        found.add(Example(f"article {article_id}, comment {comment_id}", *place), comments)
    one = found.number == 1
    found.said = (
        f"{counted(found.number, 'comment')} {'is' if one else 'are'} of"
        f" {counted(articles, 'article')} that {'does' if articles == 1 else 'do'} not come in:"
        " missing, left out or rejected. No discussion of"
        f" {'it' if articles == 1 else 'them'} closes until the article comes."
    )
    return found


def _odd_parents(facts: Facts) -> Iterator[Finding]:
    later, cyclic = Finding("later_parents"), Finding("cyclic_parents")
    _query(facts, "absent_parents")
    absent: list[tuple[str, int]] = []
    for article_id, replies in groupby(_query(facts, "odd_parents"), key=lambda row: row[0]):
        may_be_circles = False
        for _, comment_id, parent_id, posted_at, parent_posted_at, row in replies:
            if parent_posted_at is None:
                absent.append((parent_id, row))
                if len(absent) >= _BUNDLE:
                    _add_absent_parents(facts, absent)
                continue
            # On a circle, one comment at least is not later than its parent.
            may_be_circles = True
            if parent_posted_at > posted_at:
                _add_at_row(facts, later, _answer(comment_id, article_id, parent_id), row)
        if may_be_circles:
            _add_circles(facts, cyclic, article_id)
    _add_absent_parents(facts, absent)
    _query(facts, "index_absent_parents")
    _query(facts, "foreign_parents")
    missing, foreign = Finding("missing_parents"), Finding("foreign_parents")
    for article_id, comment_id, parent_id, *place in _query(facts, "replies_to_nothing"):
        missing.add(Example(_answer(comment_id, article_id, parent_id), *place))
    for article_id, comment_id, parent_id, other, *place in _query(
        facts, "replies_to_other_articles"
    ):
        foreign.add(
            Example(f"{_answer(comment_id, article_id, parent_id)} of article {other}", *place)
        )
    missing.said = (
        f"{_replies(missing)} a comment that does not come in: missing, left out or rejected."
    )
    foreign.said = f"{_replies(foreign)} a comment of another article."
    later.said = f"{_replies(later)} a comment that is later than the reply."
    cyclic.said = f"{_replies(cyclic)} itself, or each other in a circle."
    if cyclic.number != 1:
        cyclic.said = f"{_replies(cyclic)} themselves, or each other in a circle."
    yield from (missing, foreign, later, cyclic)


def _add_absent_parents(facts: Facts, absent: list[tuple[str, int]]) -> None:
    facts.connection.execute("begin")
    facts.connection.executemany("insert into absent_parents values (?, ?)", absent)
    facts.connection.execute("commit")
    absent.clear()


def _add_circles(facts: Facts, cyclic: Finding, article_id: str) -> None:
    parents, rows = {}, {}
    for comment_id, parent_id, row in _query(facts, "parents_of_article", article_id=article_id):
        parents[comment_id], rows[comment_id] = parent_id, row
    for comment_id in sorted(in_circles(parents), key=rows.__getitem__):
        what = _answer(comment_id, article_id, parents[comment_id])
        _add_at_row(facts, cyclic, what, rows[comment_id])


def _add_at_row(facts: Facts, finding: Finding, what: str, row: int) -> None:
    if len(finding.examples) >= EXAMPLES:
        finding.number += 1
        return
    [place] = _query(facts, "place_of_comment", comment_row=row)
    finding.add(Example(what, *place))


def _articles_twice(facts: Facts) -> Finding:
    found = Finding("articles_twice")
    for article_id, times, *place in _query(facts, "articles_twice"):
        found.add(Example(f"article {article_id}, {times:,} times", *place))
    found.said = f"{counted(found.number, 'article')} {_comes(found)} more than once."
    return found


def _comments_twice(facts: Facts) -> tuple[Finding, Finding]:
    same, different = Finding("comments_twice"), Finding("comments_twice_with_other_texts")
    for article_id, comment_id, times, texts_differ, *place in _query(facts, "comments_twice"):
        what = f"comment {comment_id} of article {article_id}, {times:,} times"
        (different if texts_differ else same).add(Example(what, *place))
    same.said = (
        f"{counted(same.number, 'comment')} {_comes(same)} more than once, with the same text."
    )
    different.said = (
        f"{counted(different.number, 'comment')} {_comes(different)} more than once, with different"
        " texts: the earliest posting counts."
    )
    return same, different


def _merged_names(facts: Facts) -> Finding:
    found, comments = Finding("people_by_name"), 0
    for name, number, *place in _query(facts, "names"):
        found.add(Example(f"{name}: {number:,} comments", *place))
        comments += number
    stand = "stands" if found.number == 1 else "stand"
    found.said = (
        f"{counted(found.number, 'name')} without an account {stand} for the authors of"
        f" {counted(comments, 'comment')}: people of one name count as one."
    )
    return found


def _other_forms(facts: Facts) -> Iterator[Finding]:
    nouns = {"article": "article id", "comment": "comment id", "person": "user id"}
    for what, rows in groupby(_query(facts, "other_forms"), key=lambda row: row[0]):
        found = Finding(f"other_forms_of_{what}_ids")
        for _, text, *place in rows:
            found.add(Example(text, *place))
        differ = "differs from another" if found.number == 1 else "differ from others"
        found.said = (
            f"{counted(found.number, nouns[what])} {differ} only in the normal form of Unicode:"
            " --normalize-ids makes them one."
        )
        yield found


def _same_addresses(facts: Facts) -> Finding:
    found, articles = Finding("same_addresses"), 0
    for number, article_id, url, other_id, other_url, *place in _query(facts, "same_addresses"):
        found.add(Example(f"{article_id} {url}, {other_id} {other_url}", *place))
        articles += number
    has = "has" if found.number == 1 else "have"
    found.said = (
        f"{counted(found.number, 'page')} {has} several articles, {articles:,} in all, under"
        " addresses that differ only in what does not tell pages apart: --join-addresses makes each"
        " one article."
    )
    return found


def _query(facts: Facts, name: str, **parameters: Any) -> Iterable[Any]:
    return facts.connection.execute(sql(f"archives/survey/{name}.sql").decode(), parameters)


def _span(first: int | None, last: int | None) -> Span | None:
    return None if first is None or last is None else Span(to_datetime(first), to_datetime(last))


def _answer(comment_id: str, article_id: str, parent_id: str) -> str:
    return f"comment {comment_id} of article {article_id} answers {parent_id}"


def _replies(found: Finding) -> str:
    one = found.number == 1
    return f"{found.number:,} {'reply answers' if one else 'replies answer'}"


def _comes(found: Finding) -> str:
    return "comes" if found.number == 1 else "come"
