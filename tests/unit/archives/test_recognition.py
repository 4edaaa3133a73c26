"""A format is recognised by the content of files, or named."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import all_formats
from btl.archives.recognition import format_named, recognised
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
    assert recognised(files_of([disqus])).format.name == "disqus"
    assert recognised(files_of([commento])).format.name == "commento"


def test_a_file_of_no_known_format_is_named_with_what_to_do(tmp_path: Path) -> None:
    paths = write(tmp_path, export_xml=DISQUS, notes_txt="Remember the ferry.\n")
    with pytest.raises(BelowTheLineError, match=r"notes\.txt is of no format") as caught:
        recognised(files_of(paths), paths)
    assert "--format" in caught.value.hint
    assert "btl archive formats" in caught.value.hint


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    paths = write(tmp_path, export_xml=DISQUS, more_xml="\n")
    with pytest.raises(BelowTheLineError, match=r"^more\.xml is empty\."):
        recognised(files_of(paths))


def test_files_that_lie_beside_those_of_a_format_are_named_apart(tmp_path: Path) -> None:
    write(tmp_path, export_xml=DISQUS, notes_txt="Remember the ferry.\n", more_xml=DISQUS)
    packed = tmp_path.parent / f"{tmp_path.name}.zip"
    with ZipFile(packed, "w") as archive:
        for file in tmp_path.iterdir():
            archive.write(file, file.name)
    for path, prefix in ((tmp_path, ""), (packed, f"{packed.name}: ")):
        found = recognised(files_of([path]), [path])
        assert found.format.name == "disqus"
        assert {file.name for file in found.files} == {f"{prefix}export.xml", f"{prefix}more.xml"}
        assert [file.name for file in found.others] == [f"{prefix}notes.txt"]


def test_a_folder_with_nothing_of_a_format_is_no_export(tmp_path: Path) -> None:
    write(tmp_path, notes_txt="Remember the ferry.\n")
    with pytest.raises(BelowTheLineError, match=r"notes\.txt is of no format"):
        recognised(files_of([tmp_path]), [tmp_path])


def test_files_of_two_formats_are_named(tmp_path: Path) -> None:
    paths = write(tmp_path, one_xml=DISQUS, two_json=COMMENTO)
    with pytest.raises(
        BelowTheLineError, match=r"one\.xml is of the format disqus, but two\.json of commento"
    ) as caught:
        recognised(files_of(paths), paths)
    assert "--format" in caught.value.hint


def test_no_file_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(BelowTheLineError, match="There are no files"):
        recognised(files_of([tmp_path]))


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
