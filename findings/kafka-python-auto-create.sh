#!/usr/bin/env bash
# kafka-python 3.0.12: KafkaConsumer(allow_auto_create_topics=False). Needs no broker.
#
# Expected: the consumer asks for metadata in such a way that the broker never makes a topic.
# Seen: the consumer keeps the setting for itself; the object that asks the broker for metadata has its own
# copy of it, which stays True. On a broker with auto.create.topics.enable=true (Kafka's default) a topic that
# was deleted while it was being consumed is back within seconds, with the broker's number of partitions,
# retention and timestamp type instead of its own.
# What helps: auto.create.topics.enable=false on the broker, or set the copy after construction.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'kafka-python==3.0.12'
"$folder/venv/bin/python" - <<'PYTHON'
from kafka import KafkaConsumer

# With api_version given, nothing is asked of a broker at construction.
consumer = KafkaConsumer(
    bootstrap_servers="127.0.0.1:1", api_version=(4, 0), allow_auto_create_topics=False
)
kept = consumer.config["allow_auto_create_topics"]
used = consumer._cluster.config["allow_auto_create_topics"]
print(f"consumer's setting: {kept}   what metadata requests use: {used}")
assert (kept, used) == (False, True)
PYTHON
echo "As described: kafka-python 3.0.12"
