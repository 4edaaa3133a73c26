"""Whether Parquet can be read and written here."""

from importlib.util import find_spec

from below_the_line.errors import BelowTheLineError


def require_pyarrow(what: str) -> None:
    """Raise BelowTheLineError if pyarrow is not installed. ``what``: what needs it, in words."""
    if find_spec("pyarrow") is None:
        raise BelowTheLineError(
            f"{what} needs pyarrow, which is not installed.",
            "Install the extra: pip install 'below-the-line[archives]'.",
        )
