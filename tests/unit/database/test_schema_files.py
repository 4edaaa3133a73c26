"""The files of sql/ that make the database."""

from below_the_line.database.schema_files import read


def test_this_tree_keeps_the_rules_of_its_folders() -> None:
    names = [file.name for file in read().once]
    assert names[0].startswith("tables/01_")
    assert any(name.startswith("migrations/0001_") for name in names)
