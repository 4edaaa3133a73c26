"""The local stack: Postgres, Kafka, Airflow and the consumers under a process supervisor."""
