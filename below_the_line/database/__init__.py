"""Postgres: connections, the files of the schema, and the runner that applies them."""
