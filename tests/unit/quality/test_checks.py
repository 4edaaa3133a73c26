"""Headers of the statements that are expectations."""

from below_the_line.quality.checks import read_header


def test_indented_lines_continue_a_part_of_a_header() -> None:
    header = read_header(
        "-- Severity: warn\n"
        "-- Says: comments were posted below an article\n"
        "--   that no event names\n"
        "-- Do: find the event,\n"
        "--     and send it\n"
        "--     again\n"
        "-- Grain: one row per article. Re-run: reads only.\n"
        "-- No part of the header.\n"
        "select 1\n"
    )
    assert header == {
        "Severity": "warn",
        "Says": "comments were posted below an article that no event names",
        "Do": "find the event, and send it again",
        "Grain": "one row per article. Re-run: reads only.",
    }
