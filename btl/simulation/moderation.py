"""What happens to a comment: it is held, moderated, reported, decided."""

import random
from typing import Any, NamedTuple

from btl.simulation.arrivals import MODERATION, Writer, stamp
from btl.simulation.plan import MINUTE, SECOND, ArticlePlan
from btl.simulation.texts import EXPLANATIONS, LAWS, NAMES, REPORT_NOTES

REASONS = (
    "personal_abuse",
    "harassment",
    "hate_speech",
    "threat_violence",
    "off_topic",
    "trolling",
    "spam",
    "misinformation",
    "privacy",
    "sexual_content",
    "impersonation",
    "copyright",
    "defamation",
    "illegal_content",
    "other",
)
_REASON_WEIGHTS = (24, 8, 7, 3, 16, 14, 7, 8, 2, 1, 1, 1, 2, 2, 4)


class Comment(NamedTuple):
    """The facts about a comment that later events need."""

    comment_id: str
    posted_at: int
    author: str
    depth: int


class Readers:
    """The people who write and report: a few do it often, most do it once."""

    def __init__(self, rng: random.Random, count: int) -> None:
        self._rng = rng
        self._count = count

    def pick(self) -> int:
        """Return the number of one reader."""
        return int(self._count * self._rng.random() ** 3)

    @staticmethod
    def name(reader: int) -> str:
        """Return the display name of a reader."""
        return f"{NAMES[reader % len(NAMES)]}_{reader // len(NAMES)}"


class Moderation:
    """Reports and decisions below one article."""

    def __init__(
        self, rng: random.Random, plan: ArticlePlan, writer: Writer, readers: Readers
    ) -> None:
        self._rng = rng
        self._plan = plan
        self._writer = writer
        self._readers = readers
        self._reports = 0

    def moderate(
        self, comment: Comment, held: bool, breaks_rules: bool, deleted_at: int | None
    ) -> None:
        """Write what the classifier and the moderators decide on a comment by themselves, without
        a report.
        """
        rng = self._rng
        at = comment.posted_at + SECOND
        if rng.random() < (0.25 if breaks_rules else 0.006):
            self.decide(comment, "rejected", self._reason(), at, automated=True)
            if not breaks_rules and rng.random() < 0.6:
                self.decide(comment, "approved", None, at + self._handling_time(), automated=False)
        elif held and rng.random() < 0.9:
            at += self._handling_time()
            if deleted_at is None or at < deleted_at:
                rejects = rng.random() < (0.85 if breaks_rules else 0.1)
                self.decide(
                    comment,
                    "rejected" if rejects else "approved",
                    self._reason() if rejects else None,
                    at,
                )

    def decide(
        self,
        comment: Comment,
        decision: str,
        reason: str | None,
        at: int,
        *,
        automated: bool = False,
    ) -> None:
        """Write a decision on a comment."""
        data: dict[str, Any] = {
            "article_id": self._plan.article_id,
            "comment_id": comment.comment_id,
            "decision": decision,
            "decided_by": "classifier-3" if automated else self._moderator(),
            "automated": automated,
            "decided_at": stamp(at),
        }
        if reason is not None:
            data["reason"] = reason
        self._writer.write("comment.moderated.v1", comment.comment_id, data, at, MODERATION)

    def report_and_decide(
        self, comment: Comment, breaks_rules: bool, deleted_at: int | None
    ) -> None:
        """Write reports on a comment, perhaps withdrawn, mostly decided. An upheld report rejects
        the comment.
        """
        rng = self._rng
        count = 1 + (int(rng.expovariate(0.7)) if breaks_rules else 0)
        at = comment.posted_at
        upheld = False
        for _ in range(count):
            at += MINUTE + int(rng.expovariate(1 / (25 * MINUTE)))
            report_id, reason = self.report(comment, at)
            if rng.random() < 0.05:
                withdrawn_at = at + int(rng.expovariate(1 / (10 * MINUTE)))
                data = {**self._keys(comment, report_id), "withdrawn_at": stamp(withdrawn_at)}
                self._writer.write("report.withdrawn.v1", report_id, data, withdrawn_at)
            elif rng.random() < 0.85:
                decided_at = at + self._handling_time()
                decision = self._decision(
                    breaks_rules, upheld, deleted_at is not None and deleted_at < decided_at
                )
                self.decide_report(comment, report_id, decision, decided_at)
                if decision == "upheld" and not upheld:
                    upheld = True
                    self.decide(comment, "rejected", reason, decided_at + SECOND)

    def report(
        self, comment: Comment, at: int, reason: str | None = None, *, anonymous: bool | None = None
    ) -> tuple[str, str]:
        """Write one report. Return its id and reason."""
        rng = self._rng
        reason = reason or self._reason()
        self._reports += 1
        report_id = f"r{self._plan.number:04d}{self._reports:05d}"
        if anonymous if anonymous is not None else rng.random() < 0.3:
            reporter = {"anonymous_id": f"cookie-{rng.getrandbits(48):012x}"}
        else:
            reporter = {"user_id": f"u{self._readers.pick():06d}"}
        data: dict[str, Any] = {
            **self._keys(comment, report_id),
            "reporter": reporter,
            "reason": reason,
            "reported_at": stamp(at),
        }
        if reason == "illegal_content":
            data["law"] = rng.choice(LAWS)
        if reason == "other" or rng.random() < 0.15:
            data["note"] = rng.choice(REPORT_NOTES)
        self._writer.write("comment.reported.v1", report_id, data, at)
        return report_id, reason

    def decide_report(self, comment: Comment, report_id: str, decision: str, at: int) -> None:
        """Write a moderator's decision on a report."""
        data: dict[str, Any] = {
            **self._keys(comment, report_id),
            "decision": decision,
            "decided_by": self._moderator(),
            "decided_at": stamp(at),
        }
        if self._rng.random() < 0.3:
            data["explanation"] = self._rng.choice(EXPLANATIONS)
        self._writer.write("report.decided.v1", report_id, data, at, MODERATION)

    def _decision(self, breaks_rules: bool, upheld: bool, deleted: bool) -> str:
        if deleted:
            return "void"
        chance = self._rng.random()
        if upheld:
            return "duplicate" if chance < 0.8 else "upheld"
        if breaks_rules:
            return "upheld" if chance < 0.8 else "dismissed" if chance < 0.92 else "ignored"
        return "dismissed" if chance < 0.7 else "ignored" if chance < 0.9 else "upheld"

    def _keys(self, comment: Comment, report_id: str) -> dict[str, str]:
        return {
            "article_id": self._plan.article_id,
            "comment_id": comment.comment_id,
            "report_id": report_id,
        }

    def _reason(self) -> str:
        return self._rng.choices(REASONS, weights=_REASON_WEIGHTS)[0]

    def _moderator(self) -> str:
        return f"moderator-{1 + int(self._rng.random() * 5)}"

    def _handling_time(self) -> int:
        return int(self._rng.lognormvariate(0, 1) * 30 * MINUTE)
