"""Locks that any role of the database could take are used where nobody has rights yet."""

from below_the_line.resources import ROOT

FOLDERS = ("below_the_line", "btl", "btl_airflow", "consumers", "dags", "sql")


def test_only_the_making_of_an_empty_database_takes_an_advisory_lock() -> None:
    assert [
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".sql"} and "_advisory_" in path.read_text()
    ] == ["below_the_line/database/migrations.py"]
