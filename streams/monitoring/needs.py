"""Shell: waits for the broker and the topics that a worker cannot do without, and says so while it does."""

import os
import time
from typing import Final

from deepsentry import kafka as broker
from deepsentry import logs
from deepsentry.errors import KafkaError, TopicMissing
from deepsentry.sections import Kafka
from deepsentry.topics import Topic
from streams.monitoring.health import Progress

ANSWER_WITHIN: Final = 3.0
LONGEST_WAIT: Final = 5.0
"""Seconds; with the answer's they stay below what a probe of liveness allows."""

log = logs.get("worker")


def wait_for_topics(kafka: Kafka, needed: tuple[Topic, ...], progress: Progress) -> None:
    """Return when the broker answers and has the topics; say so while it does not."""
    wait = 0.5
    while True:
        progress.beat(lag=0)
        try:
            broker.require_topics(kafka, needed, ANSWER_WITHIN)
        except TopicMissing as error:
            reason = str(error)
        except KafkaError:
            reason = f"no broker answers at {kafka.bootstrap}"
        else:
            progress.waiting = ""
            return
        progress.waiting = reason
        log.warning("waiting", reason=reason, again_in_seconds=wait, pid=os.getpid())
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)
