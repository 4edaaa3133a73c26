"""When a discussion was open, as plainly as it can be said: replay all events for one instant. Slow, for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Version:
    """A published, updated or unpublished event."""

    kind: str
    effective: datetime
    published_at: datetime | None = None
    enabled: bool = True
    closes_at: datetime | None = None
    window_hours: int | None = None


@dataclass(frozen=True)
class Decision:
    """An override."""

    action: str
    decided_at: datetime
    closes_at: datetime | None = None

    @property
    def effective(self) -> datetime:
        """When it takes effect: a close may be announced."""
        if self.action == "close" and self.closes_at is not None:
            return max(self.decided_at, self.closes_at)
        return self.decided_at


class Timeline:
    """One article: its versions and decisions, each list in order of the events' versions, and the rule's hours."""

    def __init__(self, versions: Sequence[Version], decisions: Sequence[Decision], rule_hours: int) -> None:
        self.versions = versions
        self.decisions = [decision for decision in decisions if decision.action not in ("hold", "release")]
        self.holds = [decision for decision in decisions if decision.action in ("hold", "release")]
        self.rule_hours = rule_hours
        times = [version.published_at for version in versions if version.published_at is not None]
        self.anchor = min(times, default=None)

    def accepts(self, at: datetime) -> bool:
        """Whether a comment posted then is accepted."""
        holds = [decision for decision in self.holds if decision.effective <= at]
        if holds and holds[-1].action == "hold":
            return False
        statuses = [version for version in self.versions if version.kind != "updated" and version.effective <= at]
        if statuses and statuses[-1].kind == "unpublished":
            return False
        said = self._override(at, len(self.decisions))
        if said is not None:
            action, until = said
            return action == "open" and (until is None or at < until)
        settings = [version for version in self.versions if version.kind != "unpublished" and version.effective <= at]
        if settings and not settings[-1].enabled:
            return False
        base_close = self._base_close(at, settings[-1] if settings else None)
        return base_close is None or at < base_close

    def _override(self, at: datetime, before: int) -> tuple[str, datetime | None] | None:
        """What the first ``before`` decisions say at an instant: ("open", until), ("closed", None), or nothing."""
        for place in range(before - 1, -1, -1):
            decision = self.decisions[place]
            if decision.effective > at:
                continue
            if decision.action == "close":
                return ("closed", None)
            if decision.action == "reopen" or (decision.action == "extend" and self._reopens(place)):
                return ("open", decision.closes_at)
            return None
        return None

    def _reopens(self, place: int) -> bool:
        """Whether this extend met a close or reopen in force."""
        return self._override(self.decisions[place].decided_at, place) is not None

    def _base_close(self, at: datetime, settings: Version | None) -> datetime | None:
        """The base close as seen at an instant; None: without end."""
        for place in range(len(self.decisions) - 1, -1, -1):
            decision = self.decisions[place]
            if decision.action == "clear" and decision.decided_at <= at:
                break
            if decision.action == "extend" and not self._reopens(place):
                return decision.closes_at
        if settings is not None and settings.closes_at is not None:
            return settings.closes_at
        if self.anchor is None:
            return None
        hours = settings.window_hours if settings is not None and settings.window_hours is not None else self.rule_hours
        return self.anchor + timedelta(hours=hours)
