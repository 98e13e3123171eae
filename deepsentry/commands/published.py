"""Commands that print what is published about events: their schemas, and the AsyncAPI document."""

from pathlib import Path
from typing import Annotated

import typer

from deepsentry import catalogue
from deepsentry.commands.output import err, print_json
from deepsentry.errors import DataError

events = typer.Typer(no_args_is_help=True, help="What stands on the topics, for programs that read them.")


@events.command()
def asyncapi() -> None:
    """Print the AsyncAPI 3 document of all topics."""
    print_json(catalogue.asyncapi())


@events.command()
def schemas(
    to: Annotated[Path | None, typer.Option("--to", help="Write a file for each into this folder instead.")] = None,
) -> None:
    """Print the JSON Schema of every event, or write each, and the AsyncAPI document, to a folder."""
    if to is None:
        print_json(catalogue.schemas())
        return
    documents = catalogue.documents()
    try:
        to.mkdir(parents=True, exist_ok=True)
        for name, text in documents.items():
            (to / name).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"--to: {to}: {error.strerror}"
        raise DataError(message) from None
    err.print(f"{len(documents)} files in {to}", markup=False)
