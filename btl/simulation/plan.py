"""The plan of a day: its articles, and how much happens below each."""

import random
from bisect import bisect
from collections.abc import Sequence
from datetime import date
from itertools import accumulate
from typing import NamedTuple

from btl.simulation.texts import SECTIONS, Section

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DEFAULT_WINDOW_HOURS = 14 * 24

# Share of the hours of the day, in UTC: when newsrooms publish, and when readers write.
PUBLISHING = (1, 0, 0, 0, 2, 6, 9, 9, 8, 7, 7, 8, 8, 7, 7, 7, 7, 6, 4, 3, 2, 2, 1, 1)
READING = (3, 2, 1, 1, 1, 2, 4, 7, 9, 8, 7, 8, 10, 9, 7, 7, 7, 8, 9, 10, 11, 10, 8, 5)


class Override(NamedTuple):
    """A decision about the discussion, hours after midnight of the day."""

    hour: float
    action: str
    reason: str
    until: float | None = None


class ArticlePlan(NamedTuple):
    """One article and the amount of what happens to it."""

    number: int
    article_id: str
    section: Section
    published_at: int
    """Microseconds since 1970."""
    window_hours: int | None
    """None: the site's rule, 14 days."""
    quota: int
    """Number of records in all."""
    overrides: tuple[Override, ...] = ()
    role: str = "ordinary"
    """``ordinary``, ``two_comments``, ``embargoed``, ``undated``, ``disabled`` or ``withdrawn``."""

    @property
    def closes_at(self) -> int:
        """The end of the base schedule."""
        return self.published_at + (self.window_hours or DEFAULT_WINDOW_HOURS) * HOUR


# Each of the six actions, in the situations in which newsrooms use them.
_STORIES: tuple[tuple[float, int | None, tuple[Override, ...]], ...] = (
    (6.5, None, (Override(15, "close", "volume"), Override(18, "reopen", "manual", until=22.5))),
    (-13.5, 24, (Override(9, "extend", "manual", until=20),)),
    (7.25, None, (Override(11, "hold", "legal"), Override(14.5, "release", "legal"))),
    (8.0, 72, (Override(13, "close", "abuse"), Override(16, "clear", "other"))),
    (9.75, None, (Override(12, "close", "manual", until=21),)),
)
_ROLES = ("embargoed", "undated", "disabled", "withdrawn")


def plan_articles(
    rng: random.Random, seed: int, day: date, day_start: int, records: int
) -> list[ArticlePlan]:
    """Return the articles of the day and earlier ones that are still discussed.

    Their quotas add up to ``records``.
    """
    today = max(12, records // 200)
    yesterday = today // 3
    closing = max(3, today // 15)
    hours = list(accumulate(PUBLISHING))
    plans: list[ArticlePlan] = []

    def add(
        offset: float,
        window_hours: int | None,
        overrides: tuple[Override, ...] = (),
        role: str = "ordinary",
    ) -> None:
        number = len(plans)
        section = rng.choices(SECTIONS, weights=[each.weight for each in SECTIONS])[0]
        published_at = (day_start + int(offset * HOUR)) // 1000 * 1000
        article_id = f"{day:%Y%m%d}-{seed}-{number:04d}"
        plans.append(
            ArticlePlan(number, article_id, section, published_at, window_hours, 0, overrides, role)
        )

    def hour_of_publication() -> float:
        return bisect(hours, rng.random() * hours[-1]) + rng.random()

    # Seventeen days ago, 14:54 UTC: closed by the site's rule for three days.
    add(-17 * 24 + 14.9, None, role="two_comments")
    for offset, window_hours, overrides in _STORIES:
        add(offset, window_hours, overrides)
    for role in _ROLES:
        add(7 + 2 * rng.random(), 48, role=role)
    for _ in range(closing):
        # Published a fortnight before: the rule closes them in the course of the day.
        add(-DEFAULT_WINDOW_HOURS + 4 + 17 * rng.random(), None)
    for _ in range(yesterday):
        add(hour_of_publication() - 24, rng.choice((12, 24, 24, 36, 48, None)))
    while len(plans) < today + yesterday + closing:
        add(min(hour_of_publication(), 23.4), rng.choice((6, 12, 24, 48, 72, None, None, None)))
    return _with_quotas(rng, plans, records)


def _with_quotas(
    rng: random.Random, plans: Sequence[ArticlePlan], records: int
) -> list[ArticlePlan]:
    fixed = {"two_comments": 8, "disabled": 6, "undated": 20, "withdrawn": 24}
    least = 5
    weights = []
    for plan in plans:
        if plan.role in fixed:
            weights.append(0.0)
        else:
            # Heavy tailed: a few discussions are as large as all the small ones together.
            weights.append(
                min(rng.paretovariate(0.95), 60)
                * plan.section.popularity
                * (4 if plan.overrides else 1)
            )
    quotas = [fixed.get(plan.role, least) for plan in plans]
    free = max(0, records - sum(quotas))
    total = sum(weights)
    shares = [free * weight / total for weight in weights]
    quotas = [quota + int(share) for quota, share in zip(quotas, shares, strict=True)]
    largest = max(range(len(plans)), key=lambda index: shares[index])
    quotas[largest] += max(0, records - sum(quotas))
    return [plan._replace(quota=quota) for plan, quota in zip(plans, quotas, strict=True)]
