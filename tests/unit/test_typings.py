"""The stubs in typings/ describe the kafka-python that is installed."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TYPINGS = Path(__file__).resolve().parents[2] / "typings"
ONLY_IN_STUBS = {"MemoryRecords"}
"""Classes that the library does not name, besides those with an underscore."""
NOT_BASES = {"NamedTuple"}
"""Bases in stubs that are not bases at run time."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(TYPINGS.rglob("*.pyi")):
        parts = path.relative_to(TYPINGS).with_suffix("").parts
        yield ".".join(each for each in parts if each != "__init__"), ast.parse(path.read_text())


STUBS = list(modules())


def differences(body: list[ast.stmt], real: Any, where: str) -> Iterator[str]:
    """What a stub declares of a module or class, and the library does not have."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            name = node.name
            if isinstance(node, ast.ClassDef) and (name[0] == "_" or name in ONLY_IN_STUBS):
                continue
            found = getattr(real, name, None)
            if found is None:
                yield f"{where}.{name} does not exist"
            elif isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base) for base in node.bases} - NOT_BASES
                yield from (
                    f"{where}.{name} is not a {base}"
                    for base in sorted(bases - {each.__name__ for each in found.__mro__})
                )
                yield from differences(node.body, found, f"{where}.{name}")
            elif not isinstance(found, property):
                yield from unknown_parameters(node, found, f"{where}.{name}")
        elif isinstance(node, ast.Assign):
            (target,) = map(ast.unparse, node.targets)
            if getattr(real, target, None) != ast.literal_eval(node.value):
                yield f"{where}.{target} is not {ast.unparse(node.value)}"


def unknown_parameters(node: ast.FunctionDef, real: Any, where: str) -> Iterator[str]:
    known = inspect.signature(real).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in known.values()):
        return
    declared = {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
    yield from (f"{where} has no parameter {each}" for each in sorted(declared - known.keys()))


@pytest.mark.parametrize(("name", "stub"), STUBS, ids=[name for name, _ in STUBS])
def test_what_a_stub_declares_is_in_the_library(name: str, stub: ast.Module) -> None:
    assert list(differences(stub.body, importlib.import_module(name), name)) == []
