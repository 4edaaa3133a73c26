"""Dead letters that a redrive takes, by their status."""

import pytest

from below_the_line.errors import BelowTheLineError
from consumers.core.dead_letters import CAN_BE_REDRIVEN, STATUSES, Selection


@pytest.mark.parametrize("status", STATUSES)
def test_what_was_redriven_cannot_be_redriven_again(status: str) -> None:
    selection = Selection.parse(statuses=["open", status])
    if status in CAN_BE_REDRIVEN:
        selection.require_redrivable()
    else:
        with pytest.raises(BelowTheLineError, match="are in the tables"):
            selection.require_redrivable()


def test_open_dead_letters_are_redriven_where_no_status_is_given() -> None:
    Selection.parse().require_redrivable()
