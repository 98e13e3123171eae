"""How a worker shows the broker who it is."""

import ssl
from typing import Any

import faust

from deepsentry.sections import Kafka


def credentials(kafka: Kafka) -> Any:
    """Return what Faust shows the broker, None where nothing is asked for."""
    match kafka.security_protocol:
        case "PLAINTEXT":
            return None
        case "SSL":
            return faust.SSLCredentials(_tls(kafka))
        case "SASL_PLAINTEXT":
            return _sasl(kafka, None)
        case "SASL_SSL":
            return _sasl(kafka, _tls(kafka))


def _sasl(kafka: Kafka, context: ssl.SSLContext | None) -> faust.SASLCredentials:
    return faust.SASLCredentials(
        username=kafka.sasl_username,
        password=kafka.sasl_password.get_secret_value(),
        mechanism=kafka.sasl_mechanism,
        ssl_context=context,
    )


def _tls(kafka: Kafka) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=kafka.ssl_ca_file)
