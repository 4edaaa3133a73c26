"""The errors that are meant to be read by a person."""


class BelowTheLineError(Exception):
    """Something went wrong that the user can mend.

    ``message`` says in one sentence what was wrong and where; ``hint`` says what to do about it.
    The command line prints both in one line and exits with status 1; anything else that escapes is
    a defect of ours and keeps its traceback.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()
