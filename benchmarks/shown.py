"""How a benchmark with a few tables of figures prints them."""

from collections.abc import Mapping

from deepsentry import wire


def show(result: Mapping[str, Mapping[str, object]], *, as_json: bool) -> None:
    if as_json:
        print(wire.pretty(result))
        return
    for name, figures in result.items():
        print(f"\n{name}")
        for label, value in figures.items():
            print(f"  {label:<50} {value}")
