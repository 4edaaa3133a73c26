"""A group of commands that imports a command's module when the command is used, and not before."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from below_the_line.errors import BelowTheLineError


class LazyCommand(TyperCommand):
    """What the list of commands shows of a command, and where the command is."""

    def __init__(
        self, place: str, summary: str, context_settings: Mapping[str, Any] | None = None
    ) -> None:
        """``place``: ``module:name`` of a function, or of a ``typer.Typer`` for a group.

        ``summary``: the first line of the function's docstring, or the group's help.
        """
        super().__init__(None, help=summary, context_settings=dict(context_settings or {}))
        self._place = place

    def load(self) -> TyperCommand | TyperGroup:
        """Import the module and return the command.

        Raises BelowTheLineError if it needs a package of an extra that is not installed.
        """
        module, _, name = self._place.partition(":")
        try:
            imported = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("btl"):
                raise
            raise BelowTheLineError(
                f"The package {error.name} is not installed.",
                "Install the extra: pip install 'below-the-line[local]'.",
            ) from error
        found: typer.Typer | Callable[..., object] = getattr(imported, name)
        if isinstance(found, typer.Typer):
            group = get_group(found)
            group.name = self.name
            return group
        holder = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        holder.command(self.name, context_settings=dict(self.context_settings))(found)
        command = get_command(holder)
        assert isinstance(command, TyperCommand)  # noqa: S101 - one function: for the type checker
        return command


class LazyGroup(TyperGroup):
    """A group of lazy commands; its own help imports none of them."""

    panels: ClassVar[Mapping[str, Mapping[str, LazyCommand]]] = {}
    """The commands by name, by the title of their panel in the help."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for title, commands in self.panels.items():
            for name, command in commands.items():
                command.name, command.rich_help_panel = name, title
                self.add_command(command, name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command and the other arguments, as the super class does."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest


def command_group(summary: str) -> typer.Typer:
    """Return an empty group of commands, such as ``btl rules``, with this help."""
    return typer.Typer(help=summary, no_args_is_help=True, rich_markup_mode="markdown")
