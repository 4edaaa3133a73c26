"""The channel of Postgres's LISTEN and NOTIFY. Imports nothing: DAG files import this module."""

from typing import Final

MARKED_ARTICLES_CHANNEL: Final = "btl_dirty"
"""Consumers (about once a second) and closing runs notify it when they have marked articles in
ingest.dirty_articles.
"""
