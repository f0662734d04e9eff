# SPDX-License-Identifier: Apache-2.0
"""Write docs/reference/ from the code: ``python docs/generate.py`` (``--check`` only compares)."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code; change the code, not this page. -->\n"


def cell(text: object) -> str:
    """Text for a table cell."""
    return " ".join(str(text).split()).replace("|", "\\|")


def option_rows(command: Any) -> Iterator[str]:
    """A row for every argument and option of a command."""
    for parameter in command.params:
        if parameter.name in {"help", "install_completion", "show_completion"}:
            continue
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        if parameter.param_type_name == "argument":
            names = f"`{parameter.name}`"
        default = parameter.default
        shown = "" if default is None or callable(default) or default in ((), [], False, "") else f"`{default}`"
        yield f"| {names} | {cell(getattr(parameter, 'help', '') or '')} | {cell(shown)} |"


def command_section(name: str, command: Any, level: int = 2) -> Iterator[str]:
    """The section of one command, its sub-commands included."""
    yield f"{'#' * level} semcube {name}\n"
    yield inspect.cleandoc(command.help or "").replace("\x08", "").replace("\b", "") + "\n"
    rows = list(option_rows(command))
    if rows:
        yield "| option | meaning | default |\n| --- | --- | --- |"
        yield from rows
        yield ""
    for child, sub in getattr(command, "commands", {}).items():
        yield from command_section(f"{name} {child}", sub, level + 1)


def cli_page() -> str:
    """Every command with its options."""
    import typer

    from semcube.cli.app import COMMANDS

    lines = [
        NOTE,
        "# Commands\n",
        "Exit codes: 0 done, 1 the work failed, 2 the command line is wrong, 130 interrupted.\n",
    ]
    for name in COMMANDS:
        lines += command_section(name, typer.main.get_command(import_module(f"semcube.cli.{name}").app))
    return "\n".join(lines)


def functions_page() -> str:
    """Every SPARQL and GeoSPARQL function and aggregate."""
    from semcube.sparql.functions import table

    lines = [
        NOTE,
        "# Functions\n",
        "| function | arguments | result | what it gives | defined in |\n| --- | --- | --- | --- | --- |",
    ]
    for row in table():
        count = str(row.min_arity) if row.min_arity == row.max_arity else f"{row.min_arity} to {row.max_arity or 'any'}"
        lines.append(f"| `{row.name}` | {count} | {cell(row.result)} | {cell(row.doc)} | {cell(row.clause)} |")
    return "\n".join(lines) + "\n"


def routes() -> Iterator[tuple[str, str, str]]:
    """Methods, path and first line of the documentation of each route."""
    from semcube.server import app
    from semcube.sparql.memory import MemoryDataset

    found: dict[tuple[str, str], list[str]] = {}
    for path, methods in app(MemoryDataset()).openapi()["paths"].items():
        for method, about in methods.items():
            doc = inspect.cleandoc(about.get("description") or about.get("summary") or "").split("\n\n")[0]
            found.setdefault((path, doc), []).append(method.upper())
    for (path, doc), names in found.items():
        yield " ".join(names), path, doc


def http_page() -> str:
    """Every route of the server."""
    lines = [NOTE, "# HTTP\n", "| method | path | what it does |\n| --- | --- | --- |"]
    lines += [f"| {methods} | `{path}` | {cell(doc)} |" for methods, path, doc in routes()]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """Every setting."""
    from semcube import config

    source = inspect.getsource(config.Settings)
    lines = [NOTE, "# Settings\n", "Environment variables, read by every command.\n"]
    lines.append("| variable | type | default | meaning |\n| --- | --- | --- | --- |")
    for item in dataclasses.fields(config.Settings):
        doc = source.split(f"    {item.name}: ", 1)[1].split('"""')[1]
        default = "number of processors" if item.name == "threads" else item.default
        lines.append(f"| `SEMCUBE_{item.name.upper()}` | {item.type} | {default} | {cell(doc)} |")
    return "\n".join(lines) + "\n"


def python_page() -> str:
    """Every public name of the package."""
    import semcube

    lines = [NOTE, "# Python\n"]
    for name in sorted(semcube.__all__, key=str.lower):
        thing = getattr(semcube, name)
        if inspect.ismodule(thing) and callable(thing):
            thing = getattr(thing, name)
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        lines.append(f"## semcube.{name}\n")
        lines.append(f"::: {thing.__module__}.{thing.__qualname__}\n    options: {{show_root_heading: false}}\n")
    return "\n".join(lines)


def errors_page() -> str:
    """The tree of errors."""
    from semcube import errors

    return f"{NOTE}# Errors\n\n{inspect.cleandoc(errors.__doc__ or '').replace('::', '', 1)}\n"


def geosparql_page() -> str:
    """Every requirement of GeoSPARQL 1.1, from the table of its tests."""
    sys.path.insert(0, str(REFERENCE.parent.parent))
    from tests.conformance.geosparql import REQUIREMENTS

    counts = Counter(one.supported for one in REQUIREMENTS)
    shown = ", ".join(f"{counts[kind]} {kind}" for kind in ("yes", "partial", "no") if counts[kind])
    lines = [
        NOTE,
        "# GeoSPARQL 1.1: coverage\n",
        f"{len(REQUIREMENTS)} requirements: {shown}. Each is shown by its test, on the reference dataset and store.",
        "Ids are the last parts of the requirements' IRIs; [GeoSPARQL](../guide/geosparql.md) tells what they leave",
        "open.\n",
        "| requirement | what it asks for | supported | cases | test | remark |",
        "| --- | --- | --- | ---: | --- | --- |",
    ]
    for one in REQUIREMENTS:
        cases = len(one.cases) or "-"
        lines.append(f"| {one.id} | {cell(one.what)} | {one.supported} | {cases} | `{one.tests}` | {cell(one.note)} |")
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "errors.md": errors_page,
    "functions.md": functions_page,
    "geosparql.md": geosparql_page,
    "http.md": http_page,
    "python.md": python_page,
    "settings.md": settings_page,
}


def main() -> int:
    """Write or compare the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a page is out of date")
    check = parser.parse_args().check
    REFERENCE.mkdir(exist_ok=True)
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, page().rstrip() + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(("out of date: " if check else "written: ") + ", ".join(stale))
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
