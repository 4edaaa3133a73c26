"""Numbers of things, in words."""


def counted(count: int, noun: str) -> str:
    """Return the number with its noun: ``1 report``, ``1,200 reports``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
