#!/usr/bin/env bash
# cloudevents 10.0.0 with kafkajs 2.2.4 (Node.js): a message that the one makes for Kafka, given to the other.
#
# Expected: `producer.send({messages: [Kafka.binary(event)]})` works; that is what the function is for.
# Seen: kafkajs cannot encode it. `value` is the data itself, an object where Kafka has bytes; once it is
# written as JSON, the headers of attributes that the event does not have are there as `undefined`, which
# kafkajs rejects, too. The record's `timestamp` is the event's time, so that a topic with CreateTime dates
# a backfill into the past, and retention may delete it at once. `Kafka.structured` is encoded as it is.
# What helps: `value: JSON.stringify(message.value)`, drop undefined headers, drop `timestamp`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit cloudevents@10.0.0 kafkajs@2.2.4
cat > check.js <<'JAVASCRIPT'
const assert = require("node:assert");
const { CloudEvent, Kafka } = require("cloudevents");
const encodeRecord = require("kafkajs/src/protocol/recordBatch/record/v0");

const event = new CloudEvent({
  id: "1", source: "urn:example", type: "example", time: "2026-05-01T10:00:00.000Z",
  datacontenttype: "application/json", partitionkey: "k", data: { a: 1 },
});
const encode = (message) => {
  try {
    encodeRecord({ offsetDelta: 0, timestampDelta: 0, ...message });
    return "encoded";
  } catch (error) {
    return `${error.name}: ${error.message.split("\n")[0]}`;
  }
};
const binary = Kafka.binary(event);
const asText = { ...binary, value: JSON.stringify(binary.value) };
const defined = Object.fromEntries(Object.entries(binary.headers).filter(([, value]) => value !== undefined));
const results = {
  "binary, as it comes": encode(binary),
  "binary, value as text": encode(asText),
  "binary, value as text, without undefined headers": encode({ ...asText, headers: defined }),
  "structured, as it comes": encode(Kafka.structured(event)),
};
console.log("type of value:", typeof binary.value, " record timestamp:", new Date(Number(binary.timestamp)).toISOString());
console.log(results);
assert.strictEqual(typeof binary.value, "object");
assert.strictEqual(new Date(Number(binary.timestamp)).toISOString(), "2026-05-01T10:00:00.000Z");
assert.deepStrictEqual(
  Object.values(results).map((result) => result.split(":")[0]),
  ["TypeError", "TypeError", "encoded", "encoded"],
);
JAVASCRIPT
node check.js
echo "As described: cloudevents 10.0.0, kafkajs 2.2.4"
