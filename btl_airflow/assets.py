"""The assets of the DAGs: what they read and write. A DAG of your own can follow them.

Every DAG must import them from here: a second asset of the same name without the watcher would
remove the watcher at each parse.
"""

from airflow.sdk import Asset, AssetWatcher

from btl_airflow.triggers import MarkedArticlesTrigger

MARKED_ARTICLES = Asset(
    name="marked_articles",
    uri="btl://marked-articles",
    watchers=[AssetWatcher(name="marked_articles", trigger=MarkedArticlesTrigger())],
)
"""Articles whose metrics must be computed again (ingest.dirty_articles)."""

DISCUSSION = Asset(name="discussion", uri="btl://discussion")
"""The base tables, schema discussion. Consumers write them without an event of this asset; only
redrive_dead_letters sends one.
"""
DEAD_LETTERS = Asset(name="dead_letters", uri="btl://dead-letters")
"""Rejected records (ingest.dead_letters)."""
WINDOWS = Asset(name="windows", uri="btl://windows")
"""The closing windows and the state of each discussion: an event after each run of
close_discussions that passed its barrier.
"""
DISCUSSION_EVENTS = Asset(name="discussion_events", uri="btl://discussion-events")
"""The topic that announces changes to the site."""
METRICS = Asset(name="metrics", uri="btl://metrics")
"""The metric tables: an event after each run of article_metrics, at least every ten minutes, and of
rebuild_metrics.
"""
DAYS = Asset(name="days", uri="btl://days")
"""The metric tables of one day: an event for each day that daily_metrics computed again, with the
day as its partition key. Only DAGs with a partitioned schedule can follow such events.
"""
QUALITY_RESULTS = Asset(name="quality_results", uri="btl://quality-results")
"""What Great Expectations found (metrics.quality_results)."""
RETENTION = Asset(name="retention", uri="btl://retention")
"""What is left after old rows were deleted: an event for each run of retention."""
AUDIT_RESULTS = Asset(name="audit_results", uri="btl://audit-results")
"""What the audit found (ingest.audit_results)."""
