import inspect

import pytest

from deepsentry import errors
from deepsentry.errors import DeepSentryError

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree_below_its_parent(kind: type[Exception]) -> None:
    tree = (errors.__doc__ or "").splitlines()
    depths = {
        line.split("|- ")[-1].split("`- ")[-1].split()[0]: len(line) - len(line.lstrip("| `-")) for line in tree if line
    }
    assert kind.__name__ in depths
    if kind is not DeepSentryError:
        parent = kind.__mro__[1]
        assert issubclass(parent, DeepSentryError)
        assert depths[kind.__name__] > depths[parent.__name__]
