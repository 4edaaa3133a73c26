#!/usr/bin/env bash
# pyarrow 26.0.1: times with nanoseconds, as Parquet files written by pandas and Spark have them, as Python values.
#
# Expected: to_pylist gives the same values wherever the same pyarrow reads the same column.
# Seen: it depends on whether another package is installed. Without pandas, whole microseconds are
# datetime.datetime, and the first value with more digits raises ValueError, in the middle of a file. With pandas
# installed, which the program need not import, all of them are pandas.Timestamp, whose isoformat has nine digits.
# What helps: cast to microseconds first, pa.timestamp("us"), with safe=False: digits are cut off, and the values are
# datetime.datetime everywhere.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/look.py" <<'PYTHON'
import sys

import pyarrow as pa

WHOLE, MORE = 1_556_704_800_000_000_000, 1_556_704_800_123_456_789


def looked(value: int) -> str:
    try:
        (found,) = pa.array([value], pa.timestamp("ns")).to_pylist()
    except ValueError as error:
        return f"ValueError: {str(error).split('.')[0]}"
    return f"{type(found).__name__} {found.isoformat()}"


cut = pa.array([MORE], pa.timestamp("ns")).cast(pa.timestamp("us"), safe=False).to_pylist()[0]
seen = [looked(WHOLE), looked(MORE), f"{type(cut).__name__} {cut.isoformat()}"]
print(f"pyarrow {pa.__version__}, {sys.argv[1]} pandas:", *seen, sep="\n  ")
refused = (
    "ValueError: Nanosecond resolution temporal type 1556704800123456789 is not safely convertible"
    " to microseconds to convert to datetime"
)
expected = {
    "without": ["datetime 2019-05-01T10:00:00", refused],
    "with": ["Timestamp 2019-05-01T10:00:00", "Timestamp 2019-05-01T10:00:00.123456789"],
}[sys.argv[1]]
sys.exit(seen != [*expected, "datetime 2019-05-01T10:00:00.123456"])
PYTHON
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pyarrow==26.0.1'
"$folder/venv/bin/python" "$folder/look.py" without
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pandas==3.1.1'
"$folder/venv/bin/python" "$folder/look.py" with
