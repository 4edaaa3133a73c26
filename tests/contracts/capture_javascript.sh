#!/usr/bin/env bash
# Runs the JavaScript of docs/producers.md with the real packages, and writes what it makes to
# javascript_message.json, which tests hold. Run it when the snippet changes; needs Node.js 20+ and
# the registry of npm, which the tests must not need.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit cloudevents@10.0.0 kafkajs@2.2.4
cat > run.js <<'JAVASCRIPT'
const crypto = require("node:crypto");
const fs = require("node:fs");
const encodeRecord = require("kafkajs/src/protocol/recordBatch/record/v0");

const page = fs.readFileSync(process.argv[2], "utf8");
const snippet = page.match(/```javascript title="message"\n(.*?)```/s)[1];
fs.writeFileSync("snippet.js", `${snippet}\nmodule.exports = message;\n`);
const made = require("./snippet.js")({
  id: "comment-3", articleId: "article-1001", userId: "reader-3", name: "Reader Three",
  body: "Third ☕.", postedAt: new Date("2026-10-01T10:00:00.250Z"),
});
encodeRecord({ offsetDelta: 0, timestampDelta: 0, ...made }); // throws what the producer would throw
fs.writeFileSync(process.argv[3], `${JSON.stringify({
  snippet_sha256: crypto.createHash("sha256").update(snippet).digest("hex"), ...made,
}, null, 2)}\n`);
JAVASCRIPT
node run.js "$here/../../docs/producers.md" "$here/javascript_message.json"
echo "Wrote tests/contracts/javascript_message.json: cloudevents 10.0.0, kafkajs 2.2.4"
