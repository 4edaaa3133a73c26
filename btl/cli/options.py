"""Options and arguments that several commands share."""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from below_the_line.times import EXAMPLE, parse_time
from btl.cli import configuration

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON (docs/command-line.md).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would happen. Change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]

TopicArgument = Annotated[str, typer.Argument(help="Topic.", show_default=False)]
PartitionArgument = Annotated[
    int, typer.Argument(help="Number of the partition.", min=0, show_default=False)
]
ArticleArgument = Annotated[
    str, typer.Argument(metavar="ARTICLE", help="Id of the article.", show_default=False)
]


def time_option(name: str, help: str) -> Any:  # noqa: A002 - as typer calls it
    """Return an option that takes a time as ``parse_time`` reads it, and gives a ``datetime``.

    A date is its midnight at the site.
    """

    def parse(text: str) -> datetime:
        return site_time(text, name)

    return typer.Option(
        name,
        metavar="TIME",
        parser=parse,
        help=f"{help}: {EXAMPLE}, 2026-05-01, or 12h, 7d, 2w ago.",
        show_default=False,
    )


def site_time(text: str, name: str) -> datetime:
    """Return a time as ``parse_time`` reads it; a date is its midnight at the site."""
    # Only a date needs the settings: some commands work without them.
    needs_zone = text.count("-") == 2 and "T" not in text.upper()
    return parse_time(text, name, zone=_site_zone() if needs_zone else UTC)


def _site_zone() -> ZoneInfo:
    current = configuration.settings()
    if current.database_url is not None:
        # Not at the top: commands without a database must not import its driver.
        from btl.cli.database import site_settings

        current = site_settings()
    return ZoneInfo(current.site_timezone)
