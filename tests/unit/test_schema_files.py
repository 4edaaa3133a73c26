"""The files of sql/ as a whole."""

from below_the_line import resources
from below_the_line.database.schema_files import read


def test_the_files_of_sql_keep_the_rules_of_their_folders() -> None:
    """Migrations are numbered from 1 without a gap, for example: two branches may take a number."""
    read(resources.SQL)
