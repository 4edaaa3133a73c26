"""The assets of the DAGs. Every DAG must import them from here: a second asset of the same name
without the watcher would remove the watcher at each parse.
"""

from airflow.sdk import Asset, AssetWatcher

from btl_airflow.triggers import MarkedArticlesTrigger

MARKED_ARTICLES = Asset(
    name="marked_articles",
    uri="btl://marked-articles",
    watchers=[AssetWatcher(name="marked_articles", trigger=MarkedArticlesTrigger())],
)
"""Articles whose metrics must be computed again (ingest.dirty_articles)."""
