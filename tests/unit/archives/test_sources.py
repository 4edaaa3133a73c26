"""Files as they come, and what is refused. All input is harmless: the limits are set low."""

import gzip
import io
import itertools
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives import sources
from btl.archives.sources import ExportFile, files_of

TEXT = b"The ferry is late.\n"


def contents(*paths: Path) -> dict[str, bytes]:
    return {file.name: content(file) for file in files_of(paths)}


def content(file: ExportFile) -> bytes:
    with file.open() as opened:
        return opened.read()


def refused(*paths: Path) -> str:
    with pytest.raises(BelowTheLineError) as raised:
        contents(*paths)
    return str(raised.value)


def write(path: Path, data: bytes = TEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return path


def member(path: Path, name: str, mode: int) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        details = zipfile.ZipInfo(name)
        details.create_system = 3
        details.external_attr = mode << 16
        packed.writestr(details, TEXT)
    return path


def test_files_are_read_plain_gzipped_and_from_zips_and_folders(tmp_path: Path) -> None:
    write(tmp_path / "all" / "plain.xml")
    write(tmp_path / "all" / "packed.xml.gz", gzip.compress(TEXT))
    write(tmp_path / "all" / "gzipped-by-content", gzip.compress(TEXT))
    write(tmp_path / "all" / "several.gz", gzip.compress(TEXT) + gzip.compress(b"More.\n"))
    write(tmp_path / "all" / "inner" / "more.xml")
    write(tmp_path / "all" / ".hidden")
    write(tmp_path / "all" / "empty", b"")
    zipped(
        tmp_path / "all" / "some.zip",
        {"a.xml": TEXT, "b/c.xml.gz": gzip.compress(TEXT), "__MACOSX/a.xml": b"", "b/.DS": b""},
    )
    assert contents(tmp_path / "all") == {
        "empty": b"",
        "gzipped-by-content": TEXT,
        "more.xml": TEXT,
        "packed.xml.gz": TEXT,
        "plain.xml": TEXT,
        "several.gz": TEXT + b"More.\n",
        "some.zip: a.xml": TEXT,
        "some.zip: b/c.xml.gz": TEXT,
    }
    assert contents(zipped(tmp_path / "none.zip", {})) == {}


def test_sizes_are_those_on_disk_and_say_how_much_is_read(tmp_path: Path) -> None:
    text = os.urandom(1_000_000)
    packed = gzip.compress(text, 1)
    files = files_of(
        [
            write(tmp_path / "plain", text),
            write(tmp_path / "packed.gz", packed),
            zipped(tmp_path / "packed.zip", {"a": text}),
        ]
    )
    assert [file.size for file in files[:2]] == [len(text), len(packed)]
    for file in files:
        assert file.head == text[: sources.HEAD_BYTES]
        with file.open() as opened:
            opened.read(10)
            assert 0 < opened.bytes_read < file.size / 2
            opened.read()
            assert opened.bytes_read == pytest.approx(file.size, rel=0.001)


def test_content_comes_to_disk_only_if_it_is_packed(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.db")
    packed = [
        write(tmp_path / "packed.db.gz", gzip.compress(TEXT)),
        zipped(tmp_path / "packed.zip", {"a.db": TEXT}),
        zipped(tmp_path / "twice.zip", {"a.db.gz": gzip.compress(TEXT)}),
    ]
    with files_of([plain])[0].on_disk() as path:
        assert path == plain
    for file in files_of(packed):
        with file.on_disk() as path:
            assert path != file.path
            assert path.read_bytes() == TEXT
        assert not path.exists()


def test_packed_content_stays_as_it_was_exported(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT)
    paths = [
        write(tmp_path / "a.gz", packed),
        zipped(tmp_path / "b.zip", {"a.gz": packed}),
        write(tmp_path / "plain"),
    ]
    found = []
    for file in files_of(paths):
        with file.packed() as opened:
            found.append(opened.read())
    assert found == [packed, packed, TEXT]


def test_links_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "real.xml")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link.xml").symlink_to(tmp_path / "real.xml")
    (tmp_path / "to-folder").symlink_to(tmp_path / "folder")
    os.mkfifo(tmp_path / "pipe.xml")
    link = tmp_path / "folder" / "link.xml"
    said = f"{link} is a symbolic link. Name the file that it leads to."
    assert refused(link) == said
    assert refused(tmp_path / "folder") == said
    assert "is a symbolic link" in refused(tmp_path / "to-folder")
    assert refused(tmp_path / "pipe.xml") == (
        f"{tmp_path / 'pipe.xml'} is not a file. Name a file of an export."
    )
    assert refused(Path("/dev/null")) == "/dev/null is not a file. Name a file of an export."
    assert "cannot be read: No such file or directory" in refused(tmp_path / "nowhere.xml")


def test_a_file_that_turns_into_a_link_or_a_pipe_is_not_opened(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml")
    (file,) = files_of([path])
    path.unlink()
    path.symlink_to(write(tmp_path / "other.xml"))
    with pytest.raises(BelowTheLineError, match="is a symbolic link"):
        content(file)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BelowTheLineError, match="is not a file"):
        content(file)


def test_a_link_that_takes_the_file_s_place_after_the_look_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = write(tmp_path / "real.xml")
    link = tmp_path / "link.xml"
    link.symlink_to(real)
    # As if it had been a file a moment ago.
    monkeypatch.setattr(Path, "lstat", Path.stat)
    assert "link.xml cannot be read: Too many levels of symbolic links" in refused(link)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.gz", TEXT, "a.gz is not gzipped, although its name ends in .gz."),
        ("a.gz", gzip.compress(TEXT * 50)[:-12], "a.gz ends too early or is damaged."),
        ("a.gz", gzip.compress(TEXT) + b"more", "a.gz ends too early or is damaged."),
        ("a.gz", gzip.compress(gzip.compress(TEXT)), "a.gz is a packed file in a packed file."),
        ("a.bz2", b"BZh91AY", "a.bz2 is packed by bzip2, which is not read."),
        ("a.xz", b"\xfd7zXZ\0\0", "a.xz is packed by xz, which is not read."),
        ("a", b"\x28\xb5\x2f\xfd00", "a is packed by zstd, which is not read."),
        (
            "a.gz",
            gzip.compress(b"7z\xbc\xaf\x27\x1c"),
            "a.gz is packed by 7-Zip, which is not read.",
        ),
        ("a.zip", b"PK\x03\x04" + TEXT, "a.zip ends too early or is damaged."),
        ("a.zip", b"PK\x05\x06" + TEXT, "a.zip ends too early or is damaged."),
    ],
    # The bytes of a gzipped file have the time in them, and tests must have lasting names.
    ids=itertools.count(),
)
def test_what_cannot_be_unpacked_is_said(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    assert said in refused(write(tmp_path / name, data))


def test_a_tar_is_named_as_such(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.xml"))
    assert refused(write(tmp_path / "all.tar.gz", packed.getvalue())) == (
        "all.tar.gz is packed by tar, which is not read. Unpack it, and name its files, or the"
        " folder that they are in."
    )


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (stat.S_IFLNK | 0o777, "is a symbolic link. Pack the file that it leads to."),
        (stat.S_IFIFO | 0o644, "is not a file. Pack only files."),
    ],
)
def test_members_of_a_zip_must_be_files(tmp_path: Path, mode: int, said: str) -> None:
    path = member(tmp_path / "a.zip", "link.xml", mode)
    assert refused(path) == f"{path}: link.xml {said}"


def test_zips_that_python_s_module_does_not_read_in_bounds_are_refused(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as packed:
        packed.writestr("a.xml", TEXT)
    nested = zipped(tmp_path / "nested.zip", {"inner.zip": inner.getvalue()})
    assert refused(nested) == (
        "nested.zip: inner.zip is a packed file in a packed file. Unpack the outer one."
    )
    lzma = zipped(tmp_path / "lzma.zip", {"a.xml": TEXT}, zipfile.ZIP_LZMA)
    assert "a.xml is packed in a way that is not read (method 14)" in refused(lzma)
    sheet = zipped(tmp_path / "sheet.xlsx", {"[Content_Types].xml": b"", "xl/a.xml": b""})
    assert refused(sheet) == (
        f"{sheet} is a file of an office program. Save each of its tables as CSV."
    )
    encrypted = zipped(tmp_path / "locked.zip", {"a.xml": TEXT})
    data = bytearray(encrypted.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    assert refused(write(encrypted, bytes(data))) == (
        f"{encrypted}: a.xml is encrypted. Unpack it with its password first."
    )
    twice = tmp_path / "twice.zip"
    with zipfile.ZipFile(twice, "w") as packed:
        packed.writestr("a.xml", TEXT)
        with pytest.warns(UserWarning, match="Duplicate name"):
            packed.writestr("a.xml", TEXT)
    assert "has several files of the same name" in refused(twice)


def test_a_name_in_a_zip_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a\x1b[31m\nb.xml": TEXT})
    assert list(contents(path)) == ["a.zip: a\ufffd[31m\ufffdb.xml"]


def test_a_damaged_member_is_said(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.xml": TEXT * 20}, zipfile.ZIP_STORED)
    data = path.read_bytes()
    assert refused(write(path, data.replace(b"ferry", b"Ferry", 1))) == (
        "a.zip: a.xml ends too early or is damaged. Download the file again."
    )


@contextmanager
def limits(monkeypatch: pytest.MonkeyPatch, **values: int) -> Iterator[None]:
    with monkeypatch.context() as patch:
        for name, value in values.items():
            patch.setattr(sources, name, value)
        yield


def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TEXT * 10_000
    packed = write(tmp_path / "a.gz", gzip.compress(text))
    in_zip = zipped(tmp_path / "a.zip", {"a": text, "b": text})
    assert set(contents(packed, in_zip).values()) == {text}
    said = "unpacks to more than 10 times its size, as no export does."
    with limits(monkeypatch, MAX_EXPANSION=10, FREE_BYTES=1_000):
        assert said in refused(packed)
        assert said in refused(in_zip)
    # A zip may be small enough in its parts, and too large in total.
    one = len(text)
    with (
        limits(monkeypatch, MAX_EXPANSION=0, FREE_BYTES=one + 1),
        pytest.raises(BelowTheLineError, match="unpacks to more than"),
    ):
        files_of([in_zip])


def test_many_small_files_must_not_come_to_what_one_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(tmp_path / f"{number}.gz", gzip.compress(TEXT * 50)) for number in range(4)]
    with limits(monkeypatch, MAX_EXPANSION=1, FREE_BYTES=2_000):
        assert len(contents(paths[0])) == 1
        assert "unpacks to more than" in refused(*paths)


def test_members_that_lie_on_each_other_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": os.urandom(2_000), "b": TEXT})
    data = bytearray(path.read_bytes())
    first = data.find(b"PK\x01\x02")
    second = data.find(b"PK\x01\x02", first + 1)
    # Each of the two is said to be nearly as long as the whole.
    for field in (20, 24):
        data[second + field : second + field + 4] = data[first + field : first + field + 4]
    assert refused(write(path, bytes(data))) == (
        f"{path} ends too early or is damaged. Download the file again."
    )


def test_numbers_of_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "many"
    for name in ("a", "b", "c/d"):
        write(folder / name)
    packed = zipped(tmp_path / "many.zip", {"a": b"", "b": b"", "c": b""})
    assert len(contents(folder)) == len(contents(packed)) == 3
    with limits(monkeypatch, MAX_MEMBERS=2):
        said = "many has more than 2 files. Name only the files of the export."
        assert refused(folder) == f"{tmp_path}/{said}"
        assert refused(packed) == f"{tmp_path}/{said.replace('many', 'many.zip')}"
    with limits(monkeypatch, MAX_DIRECTORY_BYTES=100):
        assert "has more than 1,000 files" in refused(packed)
    with limits(monkeypatch, MAX_DEPTH=1):
        assert refused(folder) == (
            f"{folder / 'c'} lies in more than 1 folder. Name the folder of the export itself."
        )


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = files_of([write(tmp_path / "a.gz", gzip.compress(TEXT))])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(BelowTheLineError) as raised, file.on_disk():
        pass
    assert str(raised.value) == (
        f"a.gz cannot be unpacked to {tempfile.gettempdir()}: No space left on device."
        " Make room there, name another folder in TMPDIR, or unpack it yourself."
    )
