"""When a discussion was open, as plainly as it can be said: replay all events for one instant.
Slow, for tests.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Rule:
    """A closing rule. Without a site: every site; without a section: every section."""

    window_hours: int
    reactions_window_hours: int = 24
    site: str | None = None
    section: str | None = None
    valid_from: datetime = BEFORE_ALL


@dataclass(frozen=True)
class Version:
    """A published, updated or unpublished event."""

    kind: str
    effective: datetime
    published_at: datetime | None = None
    enabled: bool = True
    closes_at: datetime | None = None
    window_hours: int | None = None
    site: str = "default"
    section: str | None = None
    corrects: bool = False
    """It says that the publication time before was wrong."""
    name: str = ""


@dataclass(frozen=True)
class Decision:
    """An override."""

    action: str
    decided_at: datetime
    closes_at: datetime | None = None
    name: str = ""

    @property
    def effective(self) -> datetime:
        """When it takes effect: a close may be announced."""
        if self.action == "close" and self.closes_at is not None:
            return max(self.decided_at, self.closes_at)
        return self.decided_at


class Verdict(NamedTuple):
    """What holds at an instant: are comments accepted, what decides that, and by which event (none:
    a rule, or nothing).
    """

    accepted: bool
    cause: str
    event: Version | Decision | None


Interval = tuple[datetime | None, datetime | None]


class Timeline:
    """One article: its versions and decisions, each in order of the events' versions, and all rules
    in order of creation.
    """

    def __init__(
        self, versions: Sequence[Version], decisions: Sequence[Decision], rules: Sequence[Rule]
    ) -> None:
        self.versions = versions
        self.decisions = [
            decision for decision in decisions if decision.action not in ("hold", "release")
        ]
        self.holds = [decision for decision in decisions if decision.action in ("hold", "release")]
        anchor: datetime | None = None
        setter: Version | None = None
        for version in versions:
            new, old = version.published_at, anchor
            if new is None or new == old:
                continue
            is_embargo = old is not None and version.effective < old
            if old is None or version.corrects or is_embargo or new < old:
                anchor, setter = new, version
        self.anchor = anchor
        self.rule = None if setter is None or anchor is None else rule_of(rules, anchor, setter)
        self._reopening = {
            place
            for place, decision in enumerate(self.decisions)
            if decision.action == "extend" and self._met(place)
        }
        self.known = bool(versions or decisions)

    def judge(self, at: datetime) -> Verdict:
        """What holds at an instant, whatever holds before and after it."""
        holds = [decision for decision in self.holds if decision.effective <= at]
        if holds and holds[-1].action == "hold":
            return Verdict(False, "hold", holds[-1])
        statuses = [
            version
            for version in self.versions
            if version.kind != "updated" and version.effective <= at
        ]
        if statuses and statuses[-1].kind == "unpublished":
            return Verdict(False, "unpublished", statuses[-1])
        override = self._override(at, len(self.decisions))
        if override is not None and override.action == "close":
            return Verdict(False, "close", override)
        if override is not None:
            return Verdict(
                override.closes_at is None or at < override.closes_at, "reopen", override
            )
        settings = [
            version
            for version in self.versions
            if version.kind != "unpublished" and version.effective <= at
        ]
        own = settings[-1] if settings else None
        if own is not None and not own.enabled:
            return Verdict(False, "disabled", own)
        extend = self._extend(at)
        if extend is not None:
            return Verdict(extend.closes_at is None or at < extend.closes_at, "extend", extend)
        if own is not None and own.closes_at is not None:
            return Verdict(at < own.closes_at, "article", own)
        if self.anchor is None:
            return Verdict(True, "no_publication_time", None)
        if own is not None and own.window_hours is not None:
            return Verdict(at < self.anchor + own.window_hours * HOUR, "article", own)
        if self.rule is None:
            return Verdict(True, "no_publication_time", None)
        return Verdict(at < self.anchor + self.rule.window_hours * HOUR, "rule", None)

    def instants(self) -> list[datetime]:
        """Every instant that anything names, in order: nothing changes between two of them."""
        named: set[datetime | None] = {self.anchor}
        for version in self.versions:
            named |= {version.effective, version.closes_at}
            if self.anchor is not None and version.window_hours is not None:
                named.add(self.anchor + version.window_hours * HOUR)
        for decision in (*self.decisions, *self.holds):
            named |= {decision.effective, decision.decided_at, decision.closes_at}
        if self.anchor is not None and self.rule is not None:
            named.add(self.anchor + self.rule.window_hours * HOUR)
        return sorted(each for each in named if each is not None)

    def pieces(self) -> list[tuple[datetime | None, datetime | None, Verdict]]:
        """The verdicts from the beginning to the end of time."""
        starts: list[tuple[datetime | None, Verdict]] = [(None, self.judge(BEFORE_ALL))]
        for instant in self.instants():
            if (verdict := self.judge(instant)) != starts[-1][1]:
                starts.append((instant, verdict))
        ends = [start for start, _ in starts[1:]] + [None]
        return (
            [(start, end, verdict) for (start, verdict), end in zip(starts, ends, strict=True)]
            if self.known
            else []
        )

    def intervals(self) -> list[Interval]:
        """When comments are in time, from the anchor on."""
        found: list[Interval] = []
        for start, end, verdict in self.pieces():
            if not verdict.accepted or (
                self.anchor is not None and end is not None and end <= self.anchor
            ):
                continue
            if self.anchor is not None:
                start = self.anchor if start is None else max(start, self.anchor)
            if found and found[-1][1] == start and start is not None:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        return found

    def in_time(self, posted_at: datetime) -> bool:
        """Whether a comment posted then counts; before the anchor it does."""
        return (
            not self.known
            or (self.anchor is not None and posted_at < self.anchor)
            or self.judge(posted_at).accepted
        )

    def window(self, cut_off: datetime) -> dict[str, Any]:
        """The columns of its row in discussion.windows, as far as events, rules and the cut-off
        decide them.
        """
        intervals, now = self.intervals(), self.judge(cut_off)
        closes_at = intervals[-1][1] if intervals else self.anchor
        ended = [end for _, end in intervals if end is not None and end <= cut_off]
        endless = bool(intervals) and closes_at is None
        later = [
            instant
            for instant in self.instants()
            if instant > cut_off
            and self.judge(instant)[:2] != self.judge(instant - timedelta(microseconds=1))[:2]
        ]
        return {
            "opens_at": self.anchor,
            "closes_at": closes_at,
            "reactions_close_at": None
            if closes_at is None
            else closes_at + (self.rule.reactions_window_hours if self.rule else 7 * 24) * HOUR,
            "state": "closed" if not now.accepted else "cannot_close" if endless else "open",
            "closed_at": ended[-1] if ended else None if now.accepted else self.anchor,
            "reason": now.cause,
            "next_change_at": min(later, default=None),
        }

    def _override(self, at: datetime, before: int) -> Decision | None:
        """Of the first ``before`` decisions the one that says open or closed at an instant,
        whatever the schedule says.
        """
        for place in range(before - 1, -1, -1):
            decision = self.decisions[place]
            if decision.effective > at:
                continue
            if decision.action in ("close", "reopen") or (
                decision.action == "extend" and self._met(place)
            ):
                return decision
            return None
        return None

    def _met(self, place: int) -> bool:
        """Whether this extend met a close or reopen in force."""
        return self._override(self.decisions[place].decided_at, place) is not None

    def _extend(self, at: datetime) -> Decision | None:
        """The extend that moves the base close, as seen at an instant."""
        for place in range(len(self.decisions) - 1, -1, -1):
            decision = self.decisions[place]
            if decision.action == "clear" and decision.decided_at <= at:
                return None
            if decision.action == "extend" and place not in self._reopening:
                return decision
        return None


def rule_of(rules: Iterable[Rule], anchor: datetime, setter: Version) -> Rule | None:
    """The rule in force: of the narrowest scope that matches the last to come into force, of equals
    the last made.
    """
    scopes: tuple[tuple[str | None, str | None], ...] = (
        (setter.site, setter.section),
        (None, setter.section),
        (setter.site, None),
        (None, None),
    )
    if setter.section is None:
        scopes = scopes[2:]
    for site, section in scopes:
        found = [
            rule
            for rule in rules
            if (rule.site, rule.section) == (site, section) and rule.valid_from <= anchor
        ]
        if found:
            # max() keeps the first of equal ones.
            return max(reversed(found), key=lambda rule: rule.valid_from)
    return None
