"""The house rules that a machine can judge: each takes a path and a source and gives its offences, as sentences.

A rule reads no file and looks at nothing but what it is given, so that `test_house_rules.py` can plant an offence
and see it found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 300
FUNCTION_LINES = 60
# A method shorter than this is said by its name.
TELLING_LINES = 6

_EMPTY_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers"}
_MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|Users|root|work|tmp)/\w")
_UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b")
_CLOCKS_AND_DICE = {"now", "utcnow", "today", "uuid1", "uuid4", "urandom", "monotonic", "perf_counter", "time_ns"}
_IMPURE_MODULES = {"os", "random", "secrets", "socket", "subprocess", "threading", "time"}

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def short_module(path: Path, source: str) -> Iterator[str]:
    """A module fits in the head."""
    lines = len(source.splitlines())
    if lines > MODULE_LINES:
        yield f"{path} has {lines} lines, more than {MODULE_LINES}"


def short_functions(path: Path, source: str) -> Iterator[str]:
    """A function fits on the screen."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{path}:{node.lineno} {node.name} has {lines} lines, more than {FUNCTION_LINES}"


def module_docstring(path: Path, source: str) -> Iterator[str]:
    """A module opens with what it owns; a package marker that holds nothing has nothing to say."""
    tree = ast.parse(source)
    if tree.body and ast.get_docstring(tree) is None:
        yield f"{path} opens without a docstring"


def public_docstrings(path: Path, source: str) -> Iterator[str]:
    """Public classes, functions and methods say what they do, but for the shortest methods."""
    for node in ast.parse(source).body:
        yield from _undocumented(path, node)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for member in node.body:
                if (member.end_lineno or member.lineno) - member.lineno + 1 >= TELLING_LINES:
                    yield from _undocumented(path, member)


def _undocumented(path: Path, node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (*_Function, ast.ClassDef)) and not node.name.startswith("_"):
        is_overload = any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)
        if ast.get_docstring(node) is None and not is_overload:
            yield f"{path}:{node.lineno} {node.name} has no docstring"


def telling_names(path: Path, source: str) -> Iterator[str]:
    """A name says what a thing is for; some words never do."""
    names = [part.removesuffix(".py") for part in path.parts]
    definitions = (*_Function, ast.ClassDef)
    names += [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, definitions)]
    for name in names:
        words = re.findall(r"[A-Z]?[a-z0-9]+", name)
        if {word.lower() for word in words} & _EMPTY_WORDS:
            yield f"{path}: the name {name} says nothing"


def no_machine_paths(path: Path, source: str) -> Iterator[str]:
    """The project runs on any machine."""
    for number, line in enumerate(source.splitlines(), 1):
        if _MACHINE_PATH.search(line):
            yield f"{path}:{number} names a path of one machine"


def nothing_unfinished(path: Path, source: str) -> Iterator[str]:
    """What is committed is done; what is not is an issue."""
    for number, line in enumerate(source.splitlines(), 1):
        if _UNFINISHED.search(line):
            yield f"{path}:{number} leaves something for later"


def no_swallowed_errors(path: Path, source: str) -> Iterator[str]:
    """An error is handled, translated or raised, never dropped in silence."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield f"{path}:{node.lineno} catches everything"
            if all(_does_nothing(statement) for statement in node.body):
                yield f"{path}:{node.lineno} swallows an error"


def _does_nothing(statement: ast.stmt) -> bool:
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant or isinstance(statement, ast.Pass)


def environment_in_config_only(path: Path, source: str) -> Iterator[str]:
    """One module reads the environment; the rest are handed Settings."""
    if path == Path("app/config.py"):
        return
    words = {"environ", "environb", "getenv", "getenvb"}
    for node in _located(source):
        if _names_of(node, "os") & words:
            yield f"{path}:{node.lineno} reads the environment"


def one_connect(path: Path, source: str) -> Iterator[str]:
    """One module opens connections to PostgreSQL."""
    if path == Path("app/database.py"):
        return
    for node in _located(source):
        if "connect" in _names_of(node, "psycopg2"):
            yield f"{path}:{node.lineno} opens a connection of its own"


def own_persistence(path: Path, source: str) -> Iterator[str]:
    """The library's own PostgreSQL module, on another driver, is nowhere in use."""
    for node in _located(source):
        imported = _imported(node)
        named = isinstance(node, ast.Constant) and node.value == "eventsourcing" + ".postgres"
        if named or any(
            name.startswith(("eventsourcing" + ".postgres", "psycopg.")) or name == "psycopg" for name in imported
        ):
            yield f"{path}:{node.lineno} uses the library's own PostgreSQL module or its driver"


def pure_domain(path: Path, source: str) -> Iterator[str]:
    """Time and chance come into the domain as arguments."""
    if path.parts[:2] != ("app", "domain"):
        return
    for node in _located(source):
        modules = {name.split(".")[0] for name in _imported(node)}
        taken = {name.rsplit(".", 1)[-1] for name in _imported(node)}
        used = {node.attr} if isinstance(node, ast.Attribute) else set()
        if modules & _IMPURE_MODULES or (taken | used) & _CLOCKS_AND_DICE:
            yield f"{path}:{node.lineno} asks the machine for time, chance or surroundings"


def _located(source: str) -> Iterator[ast.stmt | ast.expr]:
    """Every statement and expression of a source."""
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.stmt, ast.expr)))


def _imported(node: ast.AST) -> set[str]:
    """The dotted names that an import statement brings in."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {f"{node.module}.{alias.name}" for alias in node.names}
    return set()


def _names_of(node: ast.AST, module: str) -> set[str]:
    """What a node takes out of a module, by import or by attribute."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module:
        return {node.attr}
    return {name.removeprefix(f"{module}.") for name in _imported(node) if name.startswith(f"{module}.")}
