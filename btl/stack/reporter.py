"""Telling what is being done while the stack starts and stops."""

from typing import Protocol


class Reporter(Protocol):
    """Hears what is being done. Called from several threads."""

    def begin(self, step: str, text: str) -> None:
        """A step begins; ``text`` says what is done or waited for."""

    def end(self, step: str, text: str, *, failed: bool = False) -> None:
        """The step has ended."""


class Silent:
    """A reporter that says nothing."""

    def begin(self, step: str, text: str) -> None:
        """Say nothing."""

    def end(self, step: str, text: str, *, failed: bool = False) -> None:
        """Say nothing."""
