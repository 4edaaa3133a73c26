import hashlib

from tests.benchmarks.floor import STATEMENTS, TABLES

DIGEST = "f804ec74785d01841596b69cb580a6bafbd01666750c85b05515e72417976a57"


def test_the_floors_statements_are_those_of_all_earlier_figures() -> None:
    files = sorted(STATEMENTS.rglob("*.sql"), key=lambda path: path.relative_to(STATEMENTS).parts)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(STATEMENTS).as_posix().encode() + b"\0" + path.read_bytes())

    assert {path.stem for path in files} == {*TABLES, "staged_columns"}
    assert digest.hexdigest() == DIGEST, (
        "The floor is a yardstick: see tests/benchmarks/floor/README.md"
    )
