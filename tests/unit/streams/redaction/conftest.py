"""Redactors and the shipped rules, built once."""

import pytest

from deepsentry.sections import Redaction
from streams.redaction import Redactor, create_redactor

KEY = b"a key of this test run only"


@pytest.fixture(scope="session")
def redactor() -> Redactor:
    return create_redactor(Redaction(), KEY)


@pytest.fixture(scope="session")
def portable() -> Redactor:
    return create_redactor(Redaction(engine="portable"), KEY)
