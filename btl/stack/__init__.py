"""The stack of one machine: Postgres, Kafka, Airflow and the consumers under a process supervisor."""
