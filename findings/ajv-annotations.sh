#!/usr/bin/env bash
# ajv 8.20.0 with ajv-formats 3.0.1 (Node.js), JSON Schema 2020-12.
#
# Expected: a schema with a keyword of its own, such as `x-max-bytes`, compiles; the standard says that
# unknown keywords are annotations (core, section 6.5). `format` is checked once ajv-formats is there.
# Seen: by default ("strict mode") compiling throws. With `mode: "fast"`, one of the two settings of
# ajv-formats, a 30th of February is a valid `date-time`.
# What helps: name the keywords, `new Ajv({keywords: ["x-max-bytes"]})`, and leave the mode at "full".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit ajv@8.20.0 ajv-formats@3.0.1
cat > check.js <<'JAVASCRIPT'
const assert = require("node:assert");
const Ajv = require("ajv/dist/2020");
const addFormats = require("ajv-formats");

const schema = { type: "string", format: "date-time", "x-max-bytes": 40 };
const compiled = (options, formats) => {
  const ajv = new Ajv(options);
  addFormats(ajv, formats);
  try {
    return ajv.compile(schema);
  } catch (error) {
    return error.message;
  }
};
const named = { keywords: ["x-max-bytes"] };
const results = {
  "by default": compiled({}),
  "30 February, full": compiled(named)("2026-02-30T10:00:00Z"),
  "30 February, fast": compiled(named, { mode: "fast" })("2026-02-30T10:00:00Z"),
};
console.log(results);
assert.deepStrictEqual(Object.values(results), [
  'strict mode: unknown keyword: "x-max-bytes"', false, true,
]);
JAVASCRIPT
node check.js
echo "As described: ajv 8.20.0, ajv-formats 3.0.1"
