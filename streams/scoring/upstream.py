"""Shell: how far the stage before ours is. While it stands still, that no line comes says nothing of the log."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError as ClientError

from deepsentry import kafka as broker
from deepsentry.errors import KafkaError
from deepsentry.sections import Kafka


class Upstream:
    """The consumer group of the stage before, and the topic that it reads."""

    def __init__(self, kafka: Kafka, group: str, topic: str) -> None:
        self._kafka = kafka
        self._group = group
        self._topic = topic

    async def ends(self) -> dict[int, int] | None:
        """Return partition -> where its log ends now; None where the broker gives no answer."""
        try:
            return await asyncio.to_thread(broker.end_offsets, self._kafka, self._topic)
        except KafkaError:
            return None

    async def passed(self, ends: dict[int, int]) -> bool:
        """Tell whether the group has handled everything before `ends`; a group that never worked holds nobody up."""
        admin = AIOKafkaAdminClient(**broker.aiokafka_config(self._kafka))
        try:
            await admin.start()
            found = await admin.list_consumer_group_offsets(self._group)
        except ClientError:
            return False
        finally:
            await admin.close()
        done = {tp.partition: place.offset for tp, place in found.items() if tp.topic == self._topic}
        return not done or all(done.get(partition, 0) >= end for partition, end in ends.items())
