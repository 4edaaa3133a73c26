"""The places of schemas/, sql/ and dags/, in a checkout and in an installed wheel."""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BUNDLED = _PACKAGE / "_resources"
ROOT = _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent
SCHEMAS = ROOT / "schemas"
SQL = ROOT / "sql"
DAGS = ROOT / "dags"


@cache
def sql(name: str) -> bytes:
    """Return one SQL file below sql/, for example ``sql("ingest/record_batches.sql")``.

    Bytes in UTF-8, since psycopg takes only literals or bytes as a statement. Raises
    FileNotFoundError.
    """
    return (SQL / name).read_bytes()
