"""Five places of one shop: nothing is lost, and no two are alike."""

import re

from deepsentry.demo.slices import EACH, KEY, NAMES, slices


def test_every_place_has_a_log_of_its_own_and_the_faults_are_among_what_comes_later() -> None:
    found = slices(3, 600, 200)
    assert tuple(found) == NAMES
    requests = {
        name: {m.decode() for line in (*place.log, *place.later) for m in re.findall(KEY.encode(), line)}
        for name, place in found.items()
    }
    everyone = set.union(*requests.values())
    assert sum(len(mine) for mine in requests.values()) == len(everyone) == 800
    later = {m.decode() for place in found.values() for line in place.later for m in re.findall(KEY.encode(), line)}
    assert found["rome"].wrong <= later
    assert len(found["rome"].wrong) == 5 * EACH
    sizes = sorted(len(place.log) for place in found.values())
    assert sizes[-1] > 2 * sizes[0]


def test_the_same_seed_gives_the_same_slices() -> None:
    assert slices(1, 600, 200) == slices(1, 600, 200) != slices(2, 600, 200)
