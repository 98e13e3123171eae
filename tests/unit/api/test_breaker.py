"""A server that does not answer is spared, and found again by one request at a time."""

import asyncio

import pytest

from api.breaker import FAILURES, REST, Breaker
from api.errors import StoreAway


class Server:
    def __init__(self) -> None:
        self.answers = False
        self.asked = 0
        self.now = 0.0
        self.breaker = Breaker(StoreAway, lambda: self.now)

    async def ask(self) -> str:
        self.asked += 1
        if not self.answers:
            message = "no answer"
            raise StoreAway(message)
        return "answer"

    async def call(self) -> str:
        return await self.breaker.call(self.ask)


@pytest.fixture
async def tired() -> Server:
    server = Server()
    for _ in range(FAILURES):
        with pytest.raises(StoreAway):
            await server.call()
    return server


async def test_after_failures_in_a_row_it_is_not_asked_for_a_while(tired: Server) -> None:
    tired.answers = True
    with pytest.raises(StoreAway, match="not asked for a moment"):
        await tired.call()
    assert tired.asked == FAILURES


async def test_then_one_tries_and_those_beside_it_do_not(tired: Server) -> None:
    tired.now += REST
    outcomes = await asyncio.gather(*(tired.call() for _ in range(10)), return_exceptions=True)
    assert all(isinstance(outcome, StoreAway) for outcome in outcomes)
    assert tired.asked == FAILURES + 1


async def test_one_answer_opens_the_way_for_all(tired: Server) -> None:
    tired.now += REST
    tired.answers = True
    assert [await tired.call() for _ in range(3)] == ["answer"] * 3


async def test_an_error_of_another_kind_is_no_failure_of_the_server() -> None:
    server = Server()

    async def wrong() -> str:
        raise LookupError

    for _ in range(3 * FAILURES):
        with pytest.raises(LookupError):
            await server.breaker.call(wrong)
    server.answers = True
    assert await server.call() == "answer"
