"""Options and arguments that several commands share."""

from datetime import datetime
from typing import Annotated, Any

import typer

from below_the_line.times import parse_time

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
    """Return an option that takes a time in RFC 3339 and gives an aware ``datetime``."""

    def parse(text: str) -> datetime:
        return parse_time(text, name)

    return typer.Option(
        name, metavar="TIME", parser=parse, help=f"{help} (RFC 3339).", show_default=False
    )
