from deepsentry import topics
from streams.scoring.recovery import REST, ReadAgain
from tests.builders import clean
from tests.integration.stream import Stream


class Time:
    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_lines_are_read_again_where_they_are_still_there_and_then_it_rests(stream: Stream) -> None:
    stream.publish_clean([clean(n, message=f"line {n}") for n in range(40)])
    stored = stream.stored(topics.CLEAN.name)
    partition = stored[0].partition
    there = {record.offset: record.value for record in stored if record.partition == partition}
    wanted = [min(there), max(there)]
    time = Time()
    again = ReadAgain(stream.settings, time, within=60.0)
    assert again(partition, wanted) == {offset: there[offset] for offset in wanted}
    assert again(partition, wanted) == {}
    time.now += 10 * REST
    assert again(partition, wanted) != {}
