"""From bytes to an event, or to the exact reason why a record is rejected.

Pure: no I/O, no clock, no Kafka, no Postgres.
"""
