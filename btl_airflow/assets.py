"""The assets of the DAGs. Every DAG takes them from here: the same asset named elsewhere without
its watcher would take the watcher away at each parse.
"""

from airflow.sdk import Asset, AssetWatcher

from btl_airflow.triggers import MarkedArticlesTrigger

MARKED_ARTICLES = Asset(
    name="marked_articles",
    uri="btl://marked-articles",
    watchers=[AssetWatcher(name="marked_articles", trigger=MarkedArticlesTrigger())],
)
"""Articles whose metrics must be computed again (ingest.dirty_articles)."""
