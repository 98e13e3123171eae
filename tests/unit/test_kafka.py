import ssl
from pathlib import Path

import pytest
from pydantic import SecretStr

from deepsentry import kafka as broker
from deepsentry import topics
from deepsentry.errors import KafkaError
from deepsentry.sections import Kafka

NOWHERE = Kafka(bootstrap="127.0.0.1:1")
SASL = Kafka(
    security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", sasl_username="ds", sasl_password=SecretStr("p4ss")
)


def test_a_plain_broker_needs_no_more_than_its_address() -> None:
    config = broker.librdkafka_config(Kafka(bootstrap="a:1,b:2"))
    assert config.pop("logger").name == "librdkafka"
    assert config == {"bootstrap.servers": "a:1,b:2", "security.protocol": "PLAINTEXT"}
    assert broker.aiokafka_config(Kafka()) == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "PLAINTEXT",
    }


def test_credentials_reach_both_clients() -> None:
    confluent, aiokafka = broker.librdkafka_config(SASL), broker.aiokafka_config(SASL)
    assert (confluent["sasl.username"], confluent["sasl.password"]) == ("ds", "p4ss")
    assert (aiokafka["sasl_plain_username"], aiokafka["sasl_plain_password"]) == ("ds", "p4ss")
    assert confluent["sasl.mechanism"] == aiokafka["sasl_mechanism"] == "SCRAM-SHA-512"


def test_tls_verifies_the_broker() -> None:
    context = broker.aiokafka_config(Kafka(security_protocol="SSL"))["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_ca_of_ones_own_is_named_to_the_client() -> None:
    config = broker.librdkafka_config(Kafka(security_protocol="SSL", ssl_ca_file=Path("ca.pem")))
    assert config["ssl.ca.location"] == "ca.pem"


def test_where_no_broker_answers_the_error_names_the_address_and_the_remedy() -> None:
    with pytest.raises(KafkaError, match=r"127\.0\.0\.1:1: .*deepsentry doctor"):
        broker.wait_for_broker(NOWHERE, 0.2)
    with pytest.raises(KafkaError, match=r"127\.0\.0\.1:1"):
        broker.require_topics(NOWHERE, (topics.RAW,), within=0.2)
