"""The rules of retention: what goes, after how many days, and why. Pure: the clock is an argument.

The number of days of a rule is a site setting (docs/site-settings.md), so that the DAG and every
shell go by the same. Its default is that of ``Settings``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from below_the_line.settings import NEVER, Days, Settings
from below_the_line.unknown import unknown


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that goes when it is old enough."""

    name: str
    """Also the name of its folder below ``sql/retention``."""
    table: str
    what: str
    """What goes; "rows" stands for rows of the table."""
    reason: str
    """Why it stays this long, and why it can then go."""

    @property
    def setting(self) -> str:
        """The name of its site setting, and of its field in ``Settings``."""
        return f"retention_{self.name}"

    def days(self, settings: Settings) -> Days:
        """Return the number of days after which it goes, or ``never``."""
        found: Days = getattr(settings, self.setting)
        return found

    @property
    def default(self) -> Days:
        """The number of days where nobody has set another one, or ``never``."""
        found: Days = Settings.model_fields[self.setting].default
        return found

    def before(self, settings: Settings, now: datetime) -> datetime | None:
        """Return the time before which it is old enough; None: it never is."""
        days = self.days(settings)
        return None if days == NEVER else now - timedelta(days=days)


RULES: Final = (
    Rule(
        "settled_dead_letters",
        "ingest.dead_letters",
        "dead letters that were redriven or discarded",
        "Redriven ones are in the tables, discarded ones were decided about. They hold what readers"
        " wrote. A month is enough to regret a decision. The ledger still counts them.",
    ),
    Rule(
        "open_dead_letters",
        "ingest.dead_letters",
        "open dead letters",
        "Nobody redrove or discarded them for a year. They are lost for good, so `btl status` says"
        " it 30 days before, and the DAG sends an alert on the last seven.",
    ),
    Rule(
        "ledger",
        "ingest.batches",
        "lines of the ledger, folded into one for each partition and UTC day",
        "Lines of some seconds help to look into an incident of the last days. Folded, they still"
        " account for every record.",
    ),
    Rule(
        "outbox",
        "ingest.outbox",
        "events for discussion-events that were sent or suppressed",
        "The topic keeps them as long. discussion.told_events still knows what was announced.",
    ),
    Rule(
        "barriers",
        "ingest.barriers",
        "barriers of closing runs, with their offsets",
        "They say what a closing run waited for. Those that runs and figures go by stay.",
    ),
    Rule(
        "quality_results",
        "metrics.quality_results",
        "results of the quality gate",
        "A quarter shows whether a check fails more and more often. The gate itself needs a week.",
    ),
    Rule(
        "audit_results",
        "ingest.audit_results",
        "results of ingest_audit",
        "A quarter shows how lag, rates and dead letters develop.",
    ),
    Rule(
        "superseded_states",
        "discussion.state_changes",
        "what was believed about discussions before an event arrived late",
        "A dispute about a closing may come within a year. The present history stays for good.",
    ),
    Rule(
        "revisions",
        "metrics.article_engagement_revisions",
        "earlier final figures",
        "They are figures that were published. They grow only when a final figure changes.",
    ),
)
"""In the order in which they are applied. Airflow's own history has no rule here: it is in another
database (``btl_airflow.history``).
"""

ANNOUNCED_DAYS: Final = 30
"""Days before open dead letters go in which `btl status` says so."""
ALERTED_DAYS: Final = 7
"""Days before open dead letters go in which the DAG `retention` sends an alert."""
OPEN_DEAD_LETTERS: Final = next(rule for rule in RULES if rule.name == "open_dead_letters")


def selected(names: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules of these names in the order of ``RULES``; all of them if none is named.

    Raises BelowTheLineError for a name that no rule has.
    """
    wanted = set(names)
    known = [rule.name for rule in RULES]
    for name in sorted(wanted - set(known)):
        raise unknown("rule of retention", name, known)
    return tuple(rule for rule in RULES if not wanted or rule.name in wanted)


def next_due(rule: Rule, settings: Settings, oldest_kept: datetime | None) -> datetime | None:
    """Return when the oldest of what stays goes; None: nothing stays, or it never goes."""
    days = rule.days(settings)
    return None if days == NEVER or oldest_kept is None else oldest_kept + timedelta(days=days)
