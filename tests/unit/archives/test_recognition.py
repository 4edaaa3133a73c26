"""A format is recognised by the content of files, or named."""

from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import all_formats
from btl.archives.recognition import format_named, format_of
from btl.archives.sources import files_of

DISQUS = '<?xml version="1.0" encoding="utf-8"?>\n<disqus xmlns="http://disqus.com"></disqus>\n'
COMMENTO = '{"version": 1, "comments": [], "commenters": []}'


def write(folder: Path, **texts: str) -> list[Path]:
    paths = []
    for name, text in texts.items():
        paths.append(folder / name.replace("_", "."))
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def test_a_format_is_recognised_by_content_whatever_the_name(tmp_path: Path) -> None:
    disqus, commento = write(tmp_path, one_txt=DISQUS, two_csv=COMMENTO)
    assert format_of(files_of([disqus])).name == "disqus"
    assert format_of(files_of([commento])).name == "commento"


def test_a_file_of_no_known_format_is_named_with_what_to_do(tmp_path: Path) -> None:
    paths = write(tmp_path, export_xml=DISQUS, notes_txt="Remember the ferry.\n")
    with pytest.raises(BelowTheLineError, match=r"notes\.txt is of no format") as caught:
        format_of(files_of(paths))
    assert "--format" in caught.value.hint
    assert "btl archive formats" in caught.value.hint


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    paths = write(tmp_path, export_xml=DISQUS, more_xml="\n")
    with pytest.raises(BelowTheLineError, match=r"^more\.xml is empty\."):
        format_of(files_of(paths))


def test_files_of_two_formats_are_named(tmp_path: Path) -> None:
    paths = write(tmp_path, one_xml=DISQUS, two_json=COMMENTO)
    with pytest.raises(
        BelowTheLineError, match=r"one\.xml is of the format disqus, but two\.json of commento"
    ) as caught:
        format_of(files_of(paths))
    assert "--format" in caught.value.hint


def test_no_file_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(BelowTheLineError, match="There are no files"):
        format_of(files_of([tmp_path]))


def test_a_format_is_named_or_what_resembles_it_is() -> None:
    assert format_named("wordpress").name == "wordpress"
    with pytest.raises(BelowTheLineError, match="no format 'word-pres'") as caught:
        format_named("word-pres")
    assert "Did you mean wordpress?" in caught.value.hint
    with pytest.raises(BelowTheLineError, match="no format 'harbour'") as caught:
        format_named("harbour")
    assert "btl archive formats" in caught.value.hint


def test_every_format_says_where_to_get_a_file() -> None:
    formats = all_formats()
    assert len({found.name for found in formats}) == len(formats)
    assert all(found.title and found.how_to_export.endswith(".") for found in formats)
