"""Postgres: connections and migrations."""
