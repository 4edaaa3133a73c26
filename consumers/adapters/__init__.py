"""What the consumers touch: Kafka and Postgres."""
