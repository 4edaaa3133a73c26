"""``btl roles``."""

import typer

from below_the_line.database.roles import logins, temporary_statements
from btl.cli import configuration
from btl.cli.database import connected
from btl.cli.options import AsJson
from btl.cli.output import print_json, print_table


def roles(as_json: AsJson = False) -> None:
    """Show the logins that read, and which limits they lack.

    Prints the statements that set them. docs/roles.md lists what each role may do. Exit status 1
    if limits are missing, or if not the services alone may make temporary tables.
    """
    with connected(configuration.settings()) as connection:
        found = logins(connection)
        temporary = temporary_statements(connection)
    statements = [statement for login in found for statement in login.statements()] + temporary
    if as_json:
        print_json(
            {
                "logins": [
                    {
                        "login": login.name,
                        "reads_as": login.reads_as,
                        "missing": [
                            *login.missing,
                            *([] if login.has_connection_limit else ["connection limit"]),
                        ],
                    }
                    for login in found
                ],
                "statements": statements,
            }
        )
    else:
        print_table(
            ["login", "reads as", "limits"],
            [
                (
                    login.name,
                    ", ".join(login.reads_as),
                    "all" if login.is_limited else f"{len(login.statements())} missing",
                )
                for login in found
            ],
        )
        for statement in statements:
            typer.echo(statement)
    if statements:
        raise typer.Exit(1)
