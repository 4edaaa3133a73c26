"""Java's packages, fetched once by ``jgo``: which exactly is locked, with the digest of each file
that it was tried with.
"""

import fcntl
import hashlib
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from below_the_line.errors import BelowTheLineError


def locked(text: str) -> dict[str, str]:
    """The digest of each ``group:artifact:version`` in the text of a lock file."""
    return dict(tuple(line.split()) for line in text.splitlines() if not line.startswith("#"))  # type: ignore[misc]


def have(lock_file: Path, folder: Path, *, name: str, hint: str) -> bool:
    """Have the jars of a lock file in ``folder``; returns whether they had to be fetched. Raises
    BelowTheLineError.

    The folder appears in one step, so that an interrupted download leaves nothing half done, and
    two that start at once fetch only once. ``name`` and ``hint`` are for the error: whose jars
    these are, and what else one could do.
    """
    if folder.is_dir():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return False
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch:
            new = Path(scratch) / "jars"
            new.mkdir()
            try:
                _fetch(
                    locked(lock_file.read_text(encoding="ascii")), Path(scratch) / "repository", new
                )
            except BelowTheLineError:
                raise
            except Exception as error:  # jgo lets whatever its HTTP library raises through
                said = str(error).splitlines() or [type(error).__name__]
                raise BelowTheLineError(f"{name} could not be fetched: {said[0]}.", hint) from error
            new.rename(folder)
    return True


def _fetch(digests: Mapping[str, str], repository: Path, target: Path) -> None:
    import jgo
    from jgo.maven import MavenContext

    repositories = {"central": jgo.MAVEN_CENTRAL_URL} | jgo.GlobalSettings.load().repositories

    def fetch(coordinates: str) -> None:
        group, artifact, version = coordinates.split(":")
        context = MavenContext(repo_cache=repository, remote_repos=repositories)
        jar = Path(context.project(group, artifact).at_version(version).artifact().resolve())
        if hashlib.sha256(jar.read_bytes()).hexdigest() != digests[coordinates]:
            raise BelowTheLineError(
                f"{jar.name} is not the file that was expected.",
                "Try again; if it stays so, the repository that it comes from has altered it.",
            )
        jar.rename(target / jar.name)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(fetch, digests))
