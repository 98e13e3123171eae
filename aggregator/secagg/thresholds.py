"""How many sites must answer: the table of a round by its number of sites, and the rules that a site insists on."""

from typing import Final

LEAST: Final = 3
"""Sites, and answers. With two, each would see the other's update in the sum."""
MOST: Final = 32
"""Sites of a round: with so many, dealing the shares takes a site seconds, and the cost grows with the cube."""
HONEST: Final = 2
"""Sites that must be left in a sum which `colluders` sites and the server look at together."""


def default_threshold(sites: int) -> int:
    """Return the answers needed where nobody chose: two thirds and one."""
    return 2 * sites // 3 + 1


def losses_borne(sites: int, threshold: int) -> int:
    """Return how many sites may be lost after the second stage."""
    return sites - threshold


def colluders_borne(sites: int, threshold: int) -> int:
    """Return how many sites may side with the server without learning one site's update."""
    return min(2 * threshold - sites - 1, threshold - HONEST)


def objection(sites: int, threshold: int, colluders: int, least: int = LEAST) -> str:
    """Return why a round of so many sites with this threshold is not safe, empty where it is.

    `colluders` sites may lie to both halves of the others: 2t > n + c leaves no two sets of t answers without an honest
    site in both, so the server cannot have two lists of survivors agreed on.
    """
    need = max(least, LEAST)
    if not need <= sites <= MOST:
        return f"{sites} sites take part; {need} to {MOST} may"
    if not need <= threshold <= sites:
        return f"the threshold is {threshold} of {sites} sites; it must be {need} to {sites}"
    if colluders > colluders_borne(sites, threshold):
        return f"a threshold of {threshold} of {sites} sites does not bear {colluders} that side with the server"
    return ""
