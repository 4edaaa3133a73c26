"""Write docs/settings.md from the settings of the code: ``python -m docs.site.settings``."""

import sys
from pathlib import Path

from pydantic import SecretStr

from below_the_line.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "settings.md"

_HEAD = """\
# Settings

Settings come from the environment of a process, which reads them once, when it starts. An unset or
empty variable means the default. What the parts of a local stack read is what the shell had that
ran `btl up`; run it again to change it. `btl env` prints the addresses of a local stack; a shell
without them uses the stack in `BTL_HOME`, if it runs.

A setting that is marked as kept in the database is the same for all processes: its variable only
says what a new database begins with. Secrets are shown nowhere: not in logs, and not in errors. For
Docker Compose see [deploy/env.example](../deploy/env.example).

| variable | default | what it is |
| --- | --- | --- |
"""


def page() -> str:
    """Return the text of docs/settings.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        variable = field.alias or f"BTL_{name.upper()}"
        secret = " A secret." if "SecretStr" in repr(field.annotation) else ""
        default = _shown(field.get_default(call_default_factory=True))
        rows.append(f"| `{variable}` | {default} | {field.description}{secret} |\n")
    return _HEAD + "".join(sorted(rows))


def _shown(default: object) -> str:
    if default is None or default == {} or isinstance(default, SecretStr):
        return ""
    return f"`{default}`"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
