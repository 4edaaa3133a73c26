"""What the metric tables must say, as plainly as it can be said: loops over the rows of the tables
that events fill.

Written from the design's words and not from the statements: it knows nothing of buckets, marks,
staging or SQL. When a discussion was open is taken from its window's intervals, which have a model
of their own. Slow, for tests.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.properties.model import EPOCH, Row, Tables

Metrics = dict[str, dict[tuple[Any, ...], Row]]
"""Of each metric table, its figures by key."""

OUTCOMES = ("upheld", "dismissed", "ignored", "duplicate", "void", "open")
COLUMNS = dict(
    zip(
        OUTCOMES,
        ("upheld", "dismissed", "ignored", "duplicates", "void", "open_reports"),
        strict=True,
    )
)
FOR_EVER = datetime.max.replace(tzinfo=UTC)
GRAVEST = ("threat_violence", "illegal_content", "sexual_content", "privacy")
GRAVE = ("hate_speech", "harassment", "personal_abuse", "defamation")


class Round(NamedTuple):
    """The reports of one reporter on one comment that count once."""

    comment_id: str
    reporter: tuple[str, str]
    """user or anonymous, and who."""
    reason: str
    reported_at: datetime
    """Of the report that counts."""
    began_at: datetime
    outcome: str
    waited: float | None


@dataclass(frozen=True)
class Closing:
    """What closing runs have said of an article."""

    window: Row | None
    intervals: Sequence[tuple[datetime | None, datetime | None]]
    revisions: int

    def in_time(self, at: datetime) -> bool:
        """Before it opened, while it was open, or while nothing is known of it."""
        if self.window is None:
            return True
        if self.window["opens_at"] is not None and at < self.window["opens_at"]:
            return True
        return any(
            (start is None or start <= at) and (end is None or at < end)
            for start, end in self.intervals
        )


class Article:
    """An article, its comments, and what each counts as."""

    def __init__(self, article_id: str, tables: Tables, closing: Closing) -> None:
        def own(table: str) -> list[Row]:
            return [row for row in tables[table].values() if row["article_id"] == article_id]

        self.closing = closing
        self.row = next(iter(own("articles")), {"site": None, "section": None})
        self.window = closing.window or defaultdict(lambda: None)
        self.versions = own("article_versions")
        self.moderation = own("moderation_decisions")
        self.edits = own("comment_edits")
        self.reports = own("reports")
        self.report_decisions = own("report_decisions")
        self.all_comments = {row["comment_id"]: row for row in own("comments")}
        self.posted = {
            name: row for name, row in self.all_comments.items() if row["posted_at"] is not None
        }
        self.in_time = {
            name: row for name, row in self.posted.items() if closing.in_time(row["posted_at"])
        }
        self.late = {name: row for name, row in self.posted.items() if name not in self.in_time}
        self.published = {
            name: row
            for name, row in self.in_time.items()
            if not row["held"] or self.first_approval(name) is not None
        }
        stand = {
            name: row
            for name, row in self.published.items()
            if row["decision"] != "rejected" and row["deleted_at"] is None
        }
        self.erased = {name: row for name, row in stand.items() if is_erased(row)}
        self.visible = {name: row for name, row in stand.items() if name not in self.erased}
        self.rejected = {
            name: row
            for name, row in self.in_time.items()
            if row["decision"] == "rejected" and row["deleted_at"] is None
        }
        reactions_end = self.window["reactions_close_at"]
        self.reactions = [
            row
            for row in own("reactions")
            if row["comment_id"] in self.published
            and row["first_added_at"] is not None
            and (reactions_end is None or row["first_added_at"] < reactions_end)
        ]
        self.rounds = [
            each
            for name in {row["comment_id"] for row in self.reports}
            for each in self._rounds(name)
        ]

    def first_approval(self, comment: str) -> datetime | None:
        """By anyone."""
        return min(
            (
                row["decided_at"]
                for row in self.moderation
                if row["comment_id"] == comment and row["decision"] == "approved"
            ),
            default=None,
        )

    def decision_by(self, comment: str, at: datetime, *, human_only: bool = False) -> str | None:
        """The last decision by version, of those that were taken by then."""
        taken = [
            row
            for row in self.moderation
            if row["comment_id"] == comment
            and row["decided_at"] <= at
            and not (human_only and row["automated"])
        ]
        return max(taken, key=lambda row: row["version"])["decision"] if taken else None

    def first_visible(self, comment: str) -> datetime | None:
        row = self.posted[comment]
        return self.first_approval(comment) if row["held"] else row["posted_at"]

    def is_unpublished(self, at: datetime) -> bool:
        """The last event by version says so, of those in force by then."""
        in_force = [
            row
            for row in self.versions
            if row["event_type"] != "updated"
            and (row["unpublished_at"] or row["occurred_at"]) <= at
        ]
        last = max(in_force, key=lambda row: row["version"], default=None)
        return last is not None and last["event_type"] == "unpublished"

    def seen_since(self, comment: str) -> datetime | None:
        """When readers came to see it, for the last time; None: they don't see it now."""
        if comment not in self.visible:
            return None
        first = self.first_visible(comment)
        assert first is not None
        moments = {
            first,
            *(row["decided_at"] for row in self.moderation if row["comment_id"] == comment),
            *(row["unpublished_at"] or row["occurred_at"] for row in self.versions),
        }
        since = None
        for at in sorted(moments, reverse=True):
            if at < first or self.decision_by(comment, at) == "rejected" or self.is_unpublished(at):
                break
            since = at
        return since

    def status(self, comment: str) -> str:
        """What readers see of a posted comment, and why not."""
        row = self.posted[comment]
        if row["deleted_at"] is not None:
            return "deleted"
        if comment in self.late:
            return "late"
        if comment in self.visible:
            return "unpublished" if self.is_unpublished(FOR_EVER) else "visible"
        if comment in self.erased:
            return "erased"
        return "rejected" if row["decision"] == "rejected" else "held"

    def depth(self, comment: str) -> int:
        met: list[str] = []
        at: str | None = comment
        while at is not None and at in self.posted and at not in met:
            met.append(at)
            at = self.posted[at]["parent_comment_id"]
        return len(met) + (at is not None and at not in self.posted)

    def _rounds(self, comment: str) -> Iterable[Round]:
        reports = [
            row
            for row in self.reports
            if row["comment_id"] == comment
            and row["reported_at"] is not None
            and row["withdrawn_at"] is None
        ]
        by_id = {row["report_id"]: row for row in reports}
        edits = [row["edited_at"] for row in self.edits if row["comment_id"] == comment]
        human = sorted(
            (
                row
                for row in self.moderation
                if row["comment_id"] == comment and not row["automated"]
            ),
            key=lambda row: (row["decided_at"], row["version"]),
        )
        decisions = [
            row
            for row in self.report_decisions
            if row["comment_id"] == comment and row["report_id"] in by_id
        ]
        rounds: dict[Any, list[Row]] = defaultdict(list)
        for row in reports:
            at = row["reported_at"]
            rounds[
                reporter(row),
                sum(edited <= at for edited in edits),
                sum(each["decided_at"] <= at for each in human),
                sum(
                    each["decided_at"] <= at and reporter(by_id[each["report_id"]]) == reporter(row)
                    for each in decisions
                ),
            ].append(row)
        deleted_at = self.all_comments.get(comment, {}).get("deleted_at")
        for (who, _, humans_before, _), members in rounds.items():
            counting = min(members, key=lambda row: row["reported_version"])
            began_at = min(row["reported_at"] for row in members)
            own = [
                each
                for each in decisions
                if each["report_id"] in {row["report_id"] for row in members}
            ]
            following = human[humans_before] if humans_before < len(human) else None
            by_a_person = self.decision_by(comment, counting["reported_at"], human_only=True)
            by_anyone = self.decision_by(comment, counting["reported_at"])
            outcome, settled_at = "open", None
            if own:
                outcome = max(own, key=lambda each: each["version"])["decision"]
                settled_at = min(each["decided_at"] for each in own)
            elif by_a_person == "rejected" and by_anyone != "approved":
                outcome, settled_at = "void", counting["reported_at"]
            elif following is not None and (
                deleted_at is None or following["decided_at"] <= deleted_at
            ):
                outcome = {"rejected": "upheld", "approved": "dismissed"}[following["decision"]]
                settled_at = following["decided_at"]
            elif deleted_at is not None:
                outcome, settled_at = "void", deleted_at
            waited = None if settled_at is None else seconds(began_at, settled_at)
            yield Round(
                comment, who, counting["reason"], counting["reported_at"], began_at, outcome, waited
            )

    def events(self) -> Iterable[tuple[str, datetime, str | None, bool]]:
        """Into which column, when, by whom, and is it a reply."""
        for row in self.published.values():
            yield "comments", row["posted_at"], row["user_id"], row["parent_comment_id"] is not None
        for row in self.reactions:
            yield "reactions", row["first_added_at"], None, False
        for each in self.rounds:
            yield "reports", each.reported_at, None, False
        for row in self.rejected.values():
            yield "rejected", row["decided_at"], None, False
        for row in self.late.values():
            yield "late", row["posted_at"], None, False


def is_erased(row: Row) -> bool:
    """Return whether a posting is of the time that an erasure is about."""
    if row["erased_at"] is None:
        return False
    microseconds = int.from_bytes(row["posted_version"][:8], "big") - 2**63
    return bool(EPOCH + timedelta(microseconds=microseconds) <= row["erased_at"])


def reporter(row: Row) -> tuple[str, str]:
    """Signed-in users and anonymous ids are separate people."""
    if row["reporter_user_id"] is not None:
        return "user", row["reporter_user_id"]
    return "anonymous", row["reporter_anonymous_id"]


def seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())


def quantile(values: Sequence[float], share: float) -> float | None:
    """Interpolated, as percentile_cont is defined."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def severity(reason: str) -> int:
    return 3 if reason in GRAVEST else 2 if reason in GRAVE else 1


def outcomes(rounds: Sequence[Round]) -> Row:
    counted = Counter(each.outcome for each in rounds)
    return {"reports": len(rounds)} | {COLUMNS[outcome]: counted[outcome] for outcome in OUTCOMES}


def articles_of(tables: Tables, closings: Mapping[str, Closing]) -> dict[str, Article]:
    """Return every article that any event named."""
    nothing_known = Closing(None, (), 0)
    names = sorted(
        {row["article_id"] for rows in tables.values() for row in rows.values()} | set(closings)
    )
    return {name: Article(name, tables, closings.get(name, nothing_known)) for name in names}


def metrics(tables: Tables, closings: Mapping[str, Closing], time_zone: str) -> Metrics:
    """All figures."""
    zone = ZoneInfo(time_zone)
    articles = articles_of(tables, closings)

    found: Metrics = {
        "article_engagement": {(name,): engagement(article) for name, article in articles.items()},
        "article_abuse": {(name,): abuse(article) for name, article in articles.items()},
        "article_abuse_reasons": {},
        "article_hourly": {},
        "article_daily": {},
        "article_commenters": {},
        "article_reporters": {},
        "open_reports": {},
    }
    by_section: dict[Any, list[tuple[str, str, datetime, str | None, bool]]] = defaultdict(list)
    by_site: dict[Any, list[tuple[str, str, datetime, str | None, bool]]] = defaultdict(list)
    by_reporter: dict[str, list[tuple[str, Round]]] = defaultdict(list)
    for name, article in articles.items():
        for reason, rounds in grouped(article.rounds, lambda each: each.reason).items():
            found["article_abuse_reasons"][name, reason] = {
                "unique_reporters": len({each.reporter for each in rounds}),
                **outcomes(rounds),
            }
        events = list(article.events())
        for hour, happened in grouped(events, lambda event: floor_to_hour(event[1])).items():
            found["article_hourly"][name, hour] = activity(happened)
        site, section = article.row["site"], article.row["section"]
        for day, happened in grouped(events, lambda event: day_of(event[1], zone)).items():
            found["article_daily"][name, day] = {
                "site": site,
                "section": section,
                "time_zone": time_zone,
                **activity(happened),
            }
            if site is not None:
                by_section[site, section, day] += [(name, *event) for event in happened]
                by_site[site, day] += [(name, *event) for event in happened]
        for day, own in grouped(
            article.published.values(), lambda row: day_of(row["posted_at"], zone)
        ).items():
            found["article_commenters"][name, day] = {
                "site": site,
                "section": section,
                "people": sorted({row["user_id"] for row in own}),
            }
        for (kind, who), rounds in grouped(article.rounds, lambda each: each.reporter).items():
            if kind == "user":
                found["article_reporters"][name, who] = outcomes(rounds)
                by_reporter[who] += [(name, each) for each in rounds]
    for table, groups in (("section_daily", by_section), ("site_daily", by_site)):
        found[table] = {
            key: {
                "time_zone": time_zone,
                "articles": len({name for name, *_ in events}),
                **activity(
                    [(column, at, who, is_reply) for _, column, at, who, is_reply in events]
                ),
            }
            for key, events in groups.items()
        }
    found["daily_commenters"] = {
        key: {"people": row["unique_commenters"]}
        for key, row in (
            *(((*key, False), row) for key, row in found["section_daily"].items()),
            *(((site, None, day, True), row) for (site, day), row in found["site_daily"].items()),
        )
        if row["unique_commenters"]
    }
    found["reporter_accuracy"] = {}
    for who, own in by_reporter.items():
        counts = outcomes([each for _, each in own])
        settled = counts["upheld"] + counts["dismissed"]
        found["reporter_accuracy"][who,] = {
            "articles": len({name for name, _ in own}),
            **counts,
            "accuracy": counts["upheld"] / settled if settled >= 5 else None,
        }
    accuracies = {who: row["accuracy"] for (who,), row in found["reporter_accuracy"].items()}
    for name, article in articles.items():
        waiting = [each for each in article.rounds if each.outcome == "open"]
        for comment, rounds in grouped(waiting, lambda each: each.comment_id).items():
            found["open_reports"][name, comment] = backlog(article, comment, rounds, accuracies)
    return found


def grouped(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def floor_to_hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def activity(events: Sequence[tuple[str, datetime, str | None, bool]]) -> Row:
    counted = Counter(column for column, *_ in events)
    return {
        "comments": counted["comments"],
        "replies": sum(is_reply for *_, is_reply in events),
        "unique_commenters": len({who for column, _, who, _ in events if column == "comments"}),
        **{column: counted[column] for column in ("reactions", "reports", "rejected", "late")},
    }


def engagement(article: Article) -> Row:
    published, in_time = article.published.values(), article.in_time.values()
    opens_at = article.window["opens_at"]
    times = [row["posted_at"] for row in published]
    by_readers = [row["posted_at"] for row in published if row["role"] != "staff"]
    replies = sum(row["parent_comment_id"] is not None for row in published)
    authors = Counter(row["user_id"] for row in published)
    hours = Counter(floor_to_hour(at) for at in times)
    busiest = max(hours.values(), default=None)
    approvals = [
        seconds(row["posted_at"], approved)
        for name, row in article.in_time.items()
        if row["held"] and (approved := article.first_approval(name)) is not None
    ]
    edited = {
        row["comment_id"]
        for row in article.edits
        if row["comment_id"] in article.published and article.closing.in_time(row["edited_at"])
    }
    added, net = len(article.reactions), sum(row["is_on"] for row in article.reactions)
    early = [at for at in times if opens_at is not None and at < opens_at + timedelta(hours=24)]
    return {
        "comments_submitted": len(article.posted),
        "comments_published": len(published),
        "comments_visible": len(article.visible),
        "top_level": len(published) - replies,
        "replies": replies,
        "max_depth": max((article.depth(name) for name in article.published), default=None),
        "reply_share": ratio(replies, len(published)),
        "unique_commenters": len(authors),
        "top5_share": ratio(sum(count for _, count in authors.most_common(5)), len(published)),
        "first_comment_at": min(times, default=None),
        "last_comment_at": max(times, default=None),
        "time_to_first_comment_seconds": (
            seconds(opens_at, min(by_readers)) if by_readers and opens_at is not None else None
        ),
        "reactions_net": net,
        "reactions_added": added,
        "engagement": len(published) + added,
        "first_24h_share": ratio(len(early), len(published)) if opens_at is not None else None,
        "peak_hour": min((hour for hour, count in hours.items() if count == busiest), default=None),
        "peak_hour_comments": busiest,
        "edited": len(edited),
        "deleted_by_author": sum(row["deleted_at"] is not None for row in in_time),
        "held_comments": sum(bool(row["held"]) for row in in_time),
        "held_waiting": sum(
            bool(row["held"]) and row["decision"] is None and row["deleted_at"] is None
            for row in in_time
        ),
        "time_to_approval_p50_seconds": median(approvals) if approvals else None,
        "staff_comments": sum(row["role"] == "staff" for row in in_time),
        "late_comments": len(article.late),
        "state": article.window["state"],
        "closes_at": article.window["closes_at"],
        "closed_at": article.window["closed_at"],
        "final": bool(article.window["final"]),
        "reactions_final": bool(article.window["reactions_final"]),
        "revision": article.closing.revisions,
    }


def abuse(article: Article) -> Row:
    rounds, published = article.rounds, len(article.published)
    on_published = [each for each in rounds if each.comment_id in article.published]
    counts = outcomes(rounds)
    waited = [
        each.waited
        for each in rounds
        if each.outcome in ("upheld", "dismissed", "ignored") and each.waited is not None
    ]
    exposures = []
    for comment in {each.comment_id for each in on_published if each.outcome == "upheld"}:
        since = article.first_visible(comment)
        assert since is not None
        rejections = [
            row["decided_at"]
            for row in article.moderation
            if row["comment_id"] == comment
            and row["decision"] == "rejected"
            and row["decided_at"] > since
        ]
        until = min(rejections, default=article.posted[comment]["deleted_at"])
        if until is not None:
            exposures.append(seconds(since, until))
    rejected = len(article.rejected)
    return {
        "unique_reporters": len({each.reporter for each in rounds}),
        "anonymous_reports": sum(each.reporter[0] == "anonymous" for each in rounds),
        "reported_comments": len({each.comment_id for each in on_published}),
        "reported_comment_rate": ratio(len({each.comment_id for each in on_published}), published),
        "reports_per_1000": ratio(1000 * len(on_published), published),
        **counts,
        "oldest_open_at": min(
            (each.began_at for each in rounds if each.outcome == "open"), default=None
        ),
        "uphold_rate": ratio(counts["upheld"], counts["upheld"] + counts["dismissed"]),
        "time_to_decision_p50_seconds": quantile(waited, 0.5),
        "time_to_decision_p90_seconds": quantile(waited, 0.9),
        "rejected": rejected,
        "rejection_rate": ratio(rejected, rejected + len(article.visible) + len(article.erased)),
        "exposure_p50_seconds": quantile(exposures, 0.5),
    }


def backlog(
    article: Article, comment: str, rounds: Sequence[Round], accuracies: Mapping[str, float | None]
) -> Row:
    people = {each.reporter for each in rounds}
    users = sorted((who for kind, who in people if kind == "user"), key=str.encode)
    known = (accuracies[who] for who in users)
    weight = 0.5 * (len(people) - len(users)) + sum(
        0.5 + (0.5 if each is None else each) for each in known
    )
    visible_since = article.seen_since(comment)
    gravest = max(severity(each.reason) for each in rounds)
    age = 0.0 if visible_since is None else (visible_since - EPOCH).total_seconds() / 3600
    return {
        "open_reports": len(rounds),
        "unique_reporters": len(people),
        "signed_in_reporters": users,
        "reasons": sorted({each.reason for each in rounds}),
        "oldest_open_at": min(each.began_at for each in rounds),
        "visible_since": visible_since,
        "weight": weight,
        "severity": gravest,
        "urgency_key": 24 * gravest * weight - age,
    }
