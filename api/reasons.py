"""Why a server cannot be reached, in words of a list: nothing of an error's own text, which names hosts and users."""

from collections.abc import Iterator
from typing import Final

UNKNOWN: Final = "does not answer"
REFUSED: Final = "refuses the user or the password"
SAID: Final[dict[str, str]] = {
    "certificate has expired": "shows a certificate that is over",
    "certificate is not yet valid": "shows a certificate that is not valid yet",
    "Hostname mismatch": "shows a certificate of another host name",
    "IP address mismatch": "shows a certificate of another address",
    "CERTIFICATE_VERIFY_FAILED": "shows a certificate of an authority that is not trusted here",
    "CERTIFICATE_REQUIRED": "wants a certificate of ours, and got none",
    "ALERT_UNKNOWN_CA": "does not trust the authority of our certificate",
    "[SSL": "does not speak TLS as we do, or not at all",
    "Connection refused": "is not there: nobody listens",
    "timed out": "does not answer in time",
    "Timeout connecting": "does not answer in time",
}
"""Words of OpenSSL, the system and the clients -> what they mean; the first counts.

By words, and not by class and number: pymongo keeps of the error that it met nothing else.
"""


def reason(error: BaseException | None) -> str:
    """Return what is wrong, from `error` and what it was raised of."""
    found = "\n".join(str(each) for each in _causes(error))
    return next((said for words, said in SAID.items() if words in found), UNKNOWN)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
