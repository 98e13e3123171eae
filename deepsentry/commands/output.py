"""What commands print: tables and colour for people, one JSON value for programs."""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from deepsentry import wire

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text for people.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """Print `value` as indented JSON on stdout."""
    sys.stdout.write(wire.pretty(value) + "\n")


def table(rows: Sequence[Mapping[str, object]], title: str = "") -> None:
    """Print `rows` as a table with the keys of the first as its head."""
    if not rows:
        out.print("nothing")
        return
    grid = Table(title=title or None, title_justify="left", header_style="bold")
    for name in rows[0]:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_cell(row.get(name))) for name in rows[0]))  # what stands there is no markup
    out.print(grid)


def progress_bar() -> Progress:
    """Return a progress bar on stderr; it draws only on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


class TrainingBar:
    """Shows how far a training is; a `models.intake.Progress`."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take one report; `total` is 0 where it is not known."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=None)
        self._bar.update(self._tasks[stage], completed=done, total=total or None)


def facts(value: object) -> list[dict[str, object]]:
    """Return what `value` (an event or plain data) says, a row for each leaf."""
    rows: list[dict[str, object]] = []

    def walk(part: object, name: str) -> None:
        if isinstance(part, dict):
            for key, below in part.items():
                walk(below, f"{name}.{key}" if name else str(key))
        else:
            rows.append({"fact": name, "value": part})

    walk(wire.builtins(value), "")
    return rows


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case True:
            return "yes"
        case False:
            return "no"
        case list() | tuple():
            return ", ".join(str(item) for item in value)
        case _:
            return str(value)
