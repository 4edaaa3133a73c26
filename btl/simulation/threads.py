"""What happens below one article: comments in bursts, replies, reports, decisions, reactions."""

import random
from typing import Any

from btl.simulation.arrivals import PUBLISHING_SYSTEM, Arrival, Writer, stamp
from btl.simulation.moderation import Comment, Moderation, Readers
from btl.simulation.plan import DAY, HOUR, MINUTE, READING, SECOND, ArticlePlan
from btl.simulation.texts import (
    ABUSE,
    BYLINES,
    HEADLINES,
    REPLIES,
    SENTENCES,
    SPAM,
    STAFF,
)

_REACTIONS = ("like", "like", "like", "insightful", "funny", "agree", "disagree", "👏")
_BUSIEST = max(READING)


class Discussion:
    """The discussion of one article on the day. Use it once: ``arrivals()``."""

    def __init__(
        self, seed: str, plan: ArticlePlan, day_start: int, day_end: int, readers: int
    ) -> None:
        self._rng = random.Random(f"{seed}:{plan.number}")  # noqa: S311 - repeatable
        self._plan = plan
        self._day_start = day_start
        self._day_end = day_end
        # One article has two comments and their consequences only: no record twice, or another
        # would be left out.
        self._writer = Writer(
            self._rng, day_start, day_end, repeats=0 if plan.role == "two_comments" else 0.008
        )
        self._comments: list[Comment] = []
        self._readers = Readers(self._rng, readers)
        self._moderation = Moderation(self._rng, plan, self._writer, self._readers)
        self._closed = self._closed_intervals()

    def arrivals(self) -> list[Arrival]:
        """Return all records in the order of sending, exactly as many as planned."""
        plan, arrivals = self._plan, self._writer.arrivals
        self._publish()
        for override in plan.overrides:
            self._override(override.action, override.reason, override.hour, override.until)
        if plan.role == "two_comments":
            self._two_comments()
        else:
            attempts = 0
            while len(arrivals) < 0.72 * plan.quota and attempts < 3 * plan.quota:
                self._comment()
                attempts += 1
        while len(arrivals) < plan.quota:
            self._fill()
        del arrivals[plan.quota :]
        arrivals.sort(key=lambda arrival: arrival.arrives_at)
        return arrivals

    # --- the article

    def _publish(self) -> None:
        plan, rng = self._plan, self._rng
        headline = rng.choice(HEADLINES[plan.section.name])
        data: dict[str, Any] = {
            "article_id": plan.article_id,
            "url": f"https://www.example.org/{plan.section.name}/{plan.article_id}",
            "headline": headline,
            "published_at": stamp(plan.published_at),
            "site": "default",
            "section": plan.section.name,
            "topics": rng.sample(plan.section.topics, k=2),
            "bylines": [rng.choice(BYLINES)],
            "language": "en",
        }
        sent_at = plan.published_at
        if plan.role == "embargoed":
            sent_at -= 3 * HOUR
        elif plan.role == "undated":
            data["published_at"] = None
        if plan.role == "disabled":
            data["discussion"] = {"enabled": False}
        elif plan.window_hours is not None:
            data["discussion"] = {"enabled": True, "window_hours": plan.window_hours}
        self._article("article.published.v1", data, sent_at)
        if rng.random() < 0.5 and plan.role == "ordinary":
            at = plan.published_at + int(rng.expovariate(1 / (2 * HOUR)))
            corrected = {**data, "headline": f"{headline} (updated)", "updated_at": stamp(at)}
            self._article("article.updated.v1", corrected, at)
        if plan.role == "withdrawn":
            at = plan.published_at + 4 * HOUR
            reason = {
                "article_id": plan.article_id,
                "reason": "Facts being checked.",
                "unpublished_at": stamp(at),
            }
            self._article("article.unpublished.v1", reason, at)
            self._article(
                "article.published.v1", {**data, "updated_at": stamp(at + 3 * HOUR)}, at + 3 * HOUR
            )

    def _article(self, event_type: str, data: dict[str, Any], at: int) -> None:
        self._writer.write(event_type, self._plan.article_id, data, at, PUBLISHING_SYSTEM)

    def _override(self, action: str, reason: str, hour: float, until: float | None) -> None:
        at = self._day_start + int(hour * HOUR)
        data = {
            "article_id": self._plan.article_id,
            "action": action,
            "reason": reason,
            "decided_by": "legal-desk" if reason == "legal" else "forum-desk",
            "decided_at": stamp(at),
        }
        if until is not None:
            data["closes_at"] = stamp(self._day_start + int(until * HOUR))
        self._article("discussion.overridden.v1", data, at)

    def _closed_intervals(self) -> list[tuple[int, int]]:
        """Return when readers find the discussion closed: roughly, for the shape of the data.

        The timeline itself is decided elsewhere.
        """
        moments = {
            each.action: self._day_start + int(each.hour * HOUR) for each in self._plan.overrides
        }
        closes_at, closed = self._plan.closes_at, []
        for each in self._plan.overrides:
            until = None if each.until is None else self._day_start + int(each.until * HOUR)
            if each.action == "extend" and until is not None:
                closes_at = until
            elif each.action == "close":
                closed.append(
                    (
                        until or moments["close"],
                        moments.get("reopen", moments.get("clear", self._day_end)),
                    )
                )
            elif each.action == "hold":
                closed.append((moments["hold"], moments.get("release", self._day_end)))
            elif each.action == "reopen" and until is not None:
                closed.append((until, self._day_end))
        return [*closed, (closes_at, self._day_end + DAY)]

    # --- comments

    def _comment(self) -> None:
        rng, plan = self._rng, self._plan
        parent = self._parent()
        at = self._time_of_comment(parent)
        if at is None:
            return
        staff = rng.random() < 0.006
        breaks_rules = not staff and rng.random() < plan.section.abuse
        held = not staff and rng.random() < (0.2 if breaks_rules else 0.04)
        comment_id = f"c{plan.number:04d}{len(self._comments):06d}"
        reader = self._readers.pick()
        author: dict[str, Any] = {"user_id": f"u{reader:06d}", "display_name": Readers.name(reader)}
        if staff:
            author = {
                "user_id": f"staff-{reader % 3}",
                "display_name": STAFF[reader % 3],
                "role": "staff",
            }
        data: dict[str, Any] = {
            "article_id": plan.article_id,
            "comment_id": comment_id,
            "author": author,
            "body": self._body(parent is not None, breaks_rules),
            "posted_at": stamp(at),
        }
        if parent is not None:
            data["parent_comment_id"] = parent.comment_id
        if held:
            data["held"] = True
        if not self._writer.write("comment.posted.v1", comment_id, data, at):
            return
        comment = Comment(
            comment_id, at, author["user_id"], 0 if parent is None else parent.depth + 1
        )
        self._comments.append(comment)
        deleted_at = self._by_its_author(comment)
        self._moderation.moderate(comment, held, breaks_rules, deleted_at)
        if breaks_rules or rng.random() < 0.012:
            self._moderation.report_and_decide(comment, breaks_rules, deleted_at)

    def _parent(self) -> Comment | None:
        comments, rng = self._comments, self._rng
        if not comments or rng.random() > 0.56:
            return None
        # Mostly one of the last few: bursts. Sometimes any: old threads continue.
        index = (
            len(comments) - 1 - int(rng.expovariate(0.12))
            if rng.random() < 0.8
            else int(rng.random() * len(comments))
        )
        parent = comments[max(0, index)]
        return parent if parent.depth < 18 or rng.random() < 0.1 else None

    def _time_of_comment(self, parent: Comment | None) -> int | None:
        rng, plan = self._rng, self._plan
        begin = max(plan.published_at, self._day_start - 2 * DAY)
        if rng.random() < 0.03:
            late = self._just_too_late(parent)
            if late is not None:
                return late
        for _ in range(6):
            if parent is not None:
                at = parent.posted_at + int(rng.lognormvariate(0, 1.3) * 8 * MINUTE)
            elif plan.published_at < self._day_start:
                at = begin + int(rng.random() * (self._day_end - begin))
            else:
                at = begin + int(rng.expovariate(1 / (5 * HOUR)))
            if at >= self._day_end - MINUTE or rng.random() * _BUSIEST > READING[at // HOUR % 24]:
                continue
            if not self._is_closed(at):
                return at // 1000 * 1000
        return None

    def _just_too_late(self, parent: Comment | None) -> int | None:
        """Return a time within the hours after the discussion closed, or None if it does not close
        on this day.
        """
        begins = [
            begin for begin, _ in self._closed if self._day_start <= begin < self._day_end - HOUR
        ]
        if not begins:
            return None
        at = (self._rng.choice(begins) + int(self._rng.expovariate(1 / HOUR))) // 1000 * 1000
        is_possible = at < self._day_end - MINUTE and (parent is None or parent.posted_at < at)
        return at if is_possible else None

    def _is_closed(self, at: int) -> bool:
        return any(begin <= at < end for begin, end in self._closed)

    def _body(self, is_reply: bool, breaks_rules: bool) -> str:
        rng = self._rng
        if breaks_rules:
            return rng.choice(SPAM if rng.random() < 0.2 else ABUSE)
        sentences = rng.choices(SENTENCES[self._plan.section.name], k=1 + int(rng.expovariate(0.9)))
        if is_reply and rng.random() < 0.6:
            sentences[0] = rng.choice(REPLIES)
        return " ".join(sentences)

    def _by_its_author(self, comment: Comment) -> int | None:
        """Write edits and a deletion by the author. Return the time of deletion, if any."""
        rng, plan = self._rng, self._plan
        keys = {"article_id": plan.article_id, "comment_id": comment.comment_id}
        at = comment.posted_at
        while rng.random() < 0.045:
            at += SECOND + int(rng.expovariate(1 / (4 * MINUTE)))
            body = f"{self._body(False, False)} (Edited.)"
            self._writer.write(
                "comment.edited.v1",
                comment.comment_id,
                {**keys, "body": body, "edited_at": stamp(at)},
                at,
            )
        if rng.random() >= 0.02:
            return None
        at += int(rng.expovariate(1 / (40 * MINUTE)))
        deleted = self._writer.write(
            "comment.deleted.v1", comment.comment_id, {**keys, "deleted_at": stamp(at)}, at
        )
        return at if deleted else None

    # --- the rest

    def _fill(self) -> None:
        """Write one reaction or, below an article without comments, an update without changes."""
        rng, plan = self._rng, self._plan
        if not self._comments:
            at = min(
                plan.published_at + MINUTE * (1 + len(self._writer.arrivals)),
                self._day_end - MINUTE,
            )
            data = {
                "article_id": plan.article_id,
                "url": f"https://www.example.org/{plan.section.name}/{plan.article_id}",
                "headline": rng.choice(HEADLINES[plan.section.name]),
                "published_at": stamp(plan.published_at),
                "section": plan.section.name,
                "language": "en",
                "updated_at": stamp(at),
                "discussion": {
                    "enabled": plan.role != "disabled",
                    "window_hours": plan.window_hours,
                },
            }
            self._article("article.updated.v1", data, at)
            return
        # Early comments get more, and a few get most.
        comment = self._comments[int(len(self._comments) * rng.random() ** 2)]
        at = min(
            comment.posted_at + SECOND + int(rng.expovariate(1 / (90 * MINUTE))),
            self._day_end - 2 * SECOND,
        )
        data = {
            "article_id": plan.article_id,
            "comment_id": comment.comment_id,
            "user_id": f"u{self._readers.pick():06d}",
            "reaction": rng.choice(_REACTIONS),
            "reacted_at": stamp(at),
        }
        self._writer.write("reaction.added.v1", comment.comment_id, data, at)
        if rng.random() < 0.08:
            at += SECOND + int(rng.expovariate(1 / (5 * MINUTE)))
            self._writer.write(
                "reaction.removed.v1", comment.comment_id, {**data, "reacted_at": stamp(at)}, at
            )

    def _two_comments(self) -> None:
        """Write two comments below a report on foreign politics.

        The second comes days later; it is abusive and reported. The discussion has closed since.
        """
        published_at, rng = self._plan.published_at, self._rng
        bodies = (
            (
                "I would give nobody guarantees at this point. What one letter can stop is not a"
                " ferry line at all."
            ),
            (
                f"{rng.choice(ABUSE)} You started it, you soggy turnips, and we will finish it."
                " Feeling lucky?"
            ),
        )
        moments = (published_at + 4 * HOUR + 26 * MINUTE, published_at + 64 * HOUR + 33 * MINUTE)
        for number, (body, at) in enumerate(zip(bodies, moments, strict=True)):
            comment_id = f"c{self._plan.number:04d}{number:06d}"
            data = {
                "article_id": self._plan.article_id,
                "comment_id": comment_id,
                "author": {"user_id": f"u{number:06d}", "display_name": Readers.name(number)},
                "body": body,
                "posted_at": stamp(at),
            }
            self._writer.write("comment.posted.v1", comment_id, data, at)
            self._comments.append(Comment(comment_id, at, f"u{number:06d}", 0))
        abusive = self._comments[1]
        reports = [
            self._moderation.report(abusive, moments[1] + HOUR, "personal_abuse", anonymous=False),
            self._moderation.report(
                abusive, moments[1] + 2 * HOUR, "threat_violence", anonymous=True
            ),
        ]
        decided_at = moments[1] + 5 * HOUR
        self._moderation.decide_report(abusive, reports[0][0], "upheld", decided_at)
        self._moderation.decide(abusive, "rejected", "personal_abuse", decided_at + SECOND)
