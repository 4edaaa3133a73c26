"""Errors that are meant to be read by a person."""


class BelowTheLineError(Exception):
    """An error that the user can fix.

    ``message`` says in one sentence what was wrong and where; ``hint`` says what to do about it.
    The command line prints both and exits with status 1. Any other exception is a defect of the
    software, and keeps its traceback.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()
