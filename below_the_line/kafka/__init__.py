"""Kafka: how to connect, what to ask the brokers, how to write records, and errors for people."""
