"""Reports of progress while the stack starts and stops."""

from typing import Protocol


class Reporter(Protocol):
    """Receives reports of progress. Called from several threads."""

    def begin(self, step: str, text: str) -> None:
        """Report that a step begins; ``text`` says what is done or waited for."""

    def end(self, step: str, text: str, *, failed: bool = False) -> None:
        """Report that the step ended; ``text`` says with what result."""


class Silent:
    """A reporter that ignores all reports."""

    def begin(self, step: str, text: str) -> None:
        """Ignore it."""

    def end(self, step: str, text: str, *, failed: bool = False) -> None:
        """Ignore it."""
