"""An earlier commit on the same topics, in the same minutes: what changed since, and nothing else.

The commit is unpacked into a folder, with a virtual environment from its own lock file and a
database that its own ``btl migrate`` has made. Its consumer is started and watched as today's is.
"""

import os
import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from below_the_line.errors import BelowTheLineError
from tests.benchmarks.environments import make_environment, run
from tests.benchmarks.machine import ROOT
from tests.benchmarks.path import Program, consuming
from tests.benchmarks.rates import Throughput
from tests.benchmarks.services import Load, Services

COMMIT = "cf5a39b"
_TEMPLATE = "bench_base_template"
_MODULES = ("consumer", "consuming")
"""Names that the module ``tests.benchmarks.consumer`` has had, the latest first."""


@dataclass(frozen=True)
class Base:
    """A commit that is ready to be measured."""

    program: Program

    def measure(self, services: Services, load: Load) -> Throughput:
        """Let one process take a load. Raises AssertionError if the account is not right
        afterwards.
        """
        with (
            services.database(_TEMPLATE) as database,
            consuming(services, load, database, 1, self.program) as consumers,
        ):
            consumers.wait_for(load.records)
            return consumers.throughput()


def prepare(services: Services, commit: str, folder: Path) -> Base:
    """Unpack and install a commit, and make its database. Raises BelowTheLineError, with the
    reason, where that can't be done.
    """
    folder.mkdir()
    unpack(commit, folder)
    python = make_environment(
        folder / ".venv", folder / "requirements.lock", also=["--editable", str(folder)]
    )

    def migrate(url: str) -> None:
        run(
            [python.with_name("btl"), "migrate"],
            folder,
            services.environment | {"BTL_DATABASE_URL": url},
        )

    services.make_template(_TEMPLATE, migrate)
    present = [
        f"tests.benchmarks.{name}"
        for name in _MODULES
        if (folder / "tests" / "benchmarks" / f"{name}.py").exists()
    ]
    if not present:
        raise BelowTheLineError(f"Commit {commit} has no benchmark of the consumer.")
    return Base(Program(python, present[0], folder))


def require(commit: str) -> None:
    """Raise BelowTheLineError if the clone lacks this commit."""
    try:
        subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise BelowTheLineError(
            f"Commit {commit} is not in this clone.", "Fetch the whole history, or name --base."
        ) from error


def unpack(commit: str, folder: Path) -> None:
    """Put the files of a commit into a folder. Raises BelowTheLineError if the clone lacks it."""
    require(commit)
    packed = subprocess.run(
        ["git", "archive", "--format=tar", f"{commit}^{{commit}}"],
        cwd=ROOT,
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
