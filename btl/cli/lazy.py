"""A group of commands that imports a command's module when the command is used, and not before."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from below_the_line.contracts.spelling import nearest
from below_the_line.errors import BelowTheLineError

_METAVARS = {int: "NUMBER", float: "NUMBER", Path: "FILE", UUID: "UUID"}
"""What help texts call a value, by its type."""


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
            for each in group.commands.values():
                _in_plain_words(each)
            _in_plain_words(group)
            return group
        holder = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        holder.command(self.name, context_settings=dict(self.context_settings))(found)
        command = get_command(holder)
        assert isinstance(command, TyperCommand)  # noqa: S101 - one function: for the type checker
        _in_plain_words(command)
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
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            meant = nearest(args[0], self.commands)
            ctx.fail(
                f"No such command '{args[0]}'."
                + (f" Did you mean '{meant}'?" if meant else f" `{ctx.command_path} -h` lists all.")
            )
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest

    def get_params(self, ctx: Any) -> Any:
        """Return the options, as the super class does; all are flags, and have no type."""
        return list(map(_untyped, super().get_params(ctx)))


def _in_plain_words(command: Any) -> None:
    """Name the values of arguments and options in capitals, and none of a flag."""
    for each in command.params:
        if each.param_type_name == "argument" and not each.type_descriptor.is_choice:
            each.display_type_rich = lambda ctx: ""  # noqa: ARG005 - as typer calls it
        if each.metavar is not None:
            continue
        if each.param_type_name == "argument":
            each.metavar = each.name.upper()
        elif each.is_flag:
            each.metavar = ""
        elif not each.type_descriptor.is_choice:
            each.metavar = _METAVARS.get(each.type_descriptor.annotation, "TEXT")
    help_option = command.get_help_option
    command.get_help_option = lambda ctx: _untyped(help_option(ctx))


def _untyped(option: Any) -> Any:
    if option is not None:
        option.metavar = ""
    return option


def command_group(summary: str) -> typer.Typer:
    """Return an empty group of commands, such as ``btl rules``, with this help."""
    return typer.Typer(help=summary, no_args_is_help=True, rich_markup_mode="markdown")
