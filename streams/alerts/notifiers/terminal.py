"""The terminal of whoever runs the worker."""

from rich.console import Console

from deepsentry.errors import DeliveryError
from streams.alerts import render
from streams.alerts.notice import Notice


class Terminal:
    """Prints notices to a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def notify(self, notice: Notice) -> str:
        """Print `notice`. Raises DeliveryError where the terminal is gone."""
        try:
            self._console.print(render.alert(notice))
        except (OSError, ValueError) as error:  # ValueError: the file is closed
            message = f"the terminal cannot be written to: {type(error).__name__}"
            raise DeliveryError(message) from None
        return "printed"
