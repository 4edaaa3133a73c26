"""Bytes to event, or the exact reason why not. Pure: no I/O, no clock, no Kafka, no Postgres."""
