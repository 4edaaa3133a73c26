"""Start one part of the stack. The supervisor runs it as ``python -m btl.stack.launcher PART``.

It kills what an earlier run of the part left behind, gives up root if the part must not have it,
prepares the part's folder on its first start, and then becomes the part.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from btl.stack.layout import Layout
from btl.stack.parts import PART_MARK, STACK_MARK, Started, read_part
from btl.stack.privileges import Identity, become
from btl.stack.processes import belonging, stop
from btl.stack.software import installed


def main() -> None:
    """Run the part that the first argument names, of the stack that BTL_STACK names. Does not
    return.
    """
    name = sys.argv[1]
    layout = Layout(Path(os.environ[STACK_MARK]))
    part = read_part(layout.parts, name)
    # Orphaned workers of an Airflow scheduler that was killed would run its tasks a second time,
    # beside the new one.
    leftover = stop(belonging(layout, name, part["data"]), grace=0)
    if leftover:
        sys.exit(f"process {leftover[0].pid} of an earlier {name} cannot be killed")
    for path in part["remove"]:
        Path(path).unlink(missing_ok=True)
    runs = part["distribution"]
    Started(part["digest"], runs, installed(runs)).write(layout.started(name))
    if part["identity"] is not None:
        become(Identity(**part["identity"]))
    environment = part["environment"] | {STACK_MARK: str(layout.home), PART_MARK: name}
    os.chdir(part["folder"])
    for preparation in part["prepare"]:
        _prepare(preparation, environment)
    os.execve(part["argv"][0], part["argv"], environment)  # noqa: S606 - no shell is needed


def _prepare(preparation: dict[str, Any], environment: dict[str, str]) -> None:
    creates = Path(preparation["creates"])
    if creates.exists():
        return
    scratch = preparation["scratch"]
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    result = subprocess.run(
        preparation["argv"], env=environment, stdin=subprocess.DEVNULL, check=False
    )
    if result.returncode != 0:
        sys.exit(f"{Path(preparation['argv'][0]).name} failed with status {result.returncode}")
    if scratch is not None:
        Path(scratch).rename(creates)


if __name__ == "__main__":
    main()
