"""The software that a part runs, as one digest: a part that was started with another is too old."""

import hashlib
import importlib.metadata
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from below_the_line import resources

_PACKAGES = ("below_the_line", "btl", "btl_airflow", "consumers")
_SUFFIXES = frozenset({".py", ".sql", ".json", ".yaml"})
_DAGS = frozenset(
    {
        "apply_erasures",
        "article_metrics",
        "close_discussions",
        "daily_metrics",
        "data_quality",
        "erase_commenter",
        "ingest_audit",
        "rebuild_metrics",
        "redrive_dead_letters",
        "retention",
    }
)
"""Our files in the DAGs folder, which is also the place of those of others."""
OURS = "below-the-line"


def installed(distribution: str) -> str:
    """Return what identifies a distribution as it is installed now: its version, and for ours a
    digest. A checkout changes without its version.

    Raises importlib.metadata.PackageNotFoundError.
    """
    return _digest() if distribution == OURS else importlib.metadata.version(distribution)


@cache
def _digest() -> str:
    """Return a digest of our files, and of names and versions of all packages beside them. It takes
    some hundredths of a second.
    """
    digest = hashlib.sha256(sys.version.encode())
    for path in _files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for name in _distributions(sys.path):
        digest.update(name.encode() + b"\0")
    return digest.hexdigest()


def _files() -> Iterable[Path]:
    code = Path(__file__).resolve().parents[2]
    folders = [code / package for package in _PACKAGES]
    folders += [resources.SCHEMAS, resources.SQL]
    return sorted(
        {resources.DAGS / f"{name}.py" for name in _DAGS}
        | {
            path
            for folder in folders
            for path in folder.rglob("*")
            if path.suffix in _SUFFIXES and path.is_file()
        }
    )


def _distributions(search_path: Iterable[str]) -> list[str]:
    """Return the folders of installed packages' metadata; their names hold the versions."""
    return sorted(
        {
            found.name
            for folder in dict.fromkeys(search_path)
            if folder and Path(folder).is_dir()
            for found in Path(folder).glob("*.dist-info")
        }
    )
