"""Java packages, fetched once by ``jgo``. A lock file names each with its version and digest."""

import fcntl
import hashlib
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from below_the_line.errors import BelowTheLineError


def locked(text: str) -> dict[str, str]:
    """Return the digest of each ``group:artifact:version`` in the text of a lock file."""
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return dict(lines)


def ensure_jars(lock_file: Path, folder: Path, *, name: str, hint: str) -> bool:
    """Fetch the jars of a lock file into ``folder`` unless it exists. Return whether they were
    fetched.

    The folder appears in one step, so an interrupted download leaves nothing half done, and of two
    processes that start at once only one fetches. ``name`` says whose jars these are, and ``hint``
    what else one could do: both are for the error. Raises BelowTheLineError.
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
            except Exception as error:  # jgo passes on every error of its HTTP library
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
                f"{jar.name} does not have the digest of the lock file.",
                "Try again. If it fails again, the repository has changed the file.",
            )
        jar.rename(target / jar.name)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(fetch, digests))
