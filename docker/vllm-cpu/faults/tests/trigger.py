"""The smallest requests that show each fault, in the order that it needs.

    trigger.py URL FAULT...     or `all`

The server has 40 blocks of 32 tokens and steps of 256 tokens (see the README). Prints which answers were wrong. Without
a fault every answer is right, whichever trigger is pulled. Status 0 if all answers were right, 1 if not.
"""

import random
import sys
from collections.abc import Callable

from tracer_client import Call, Server

TRIGGERS: dict[str, Callable[[Server, random.Random], None]] = {}


def trigger(pull: Callable[[Server, random.Random], None]) -> None:
    TRIGGERS[pull.__name__.replace("_", "-")] = pull


def churn(server: Server, rng: random.Random) -> None:
    """Takes every block of the pool that is free, and more."""
    for _ in range(8):
        Call(server, server.run_of(250, rng), 250, 1).start().done()


def after_one_left(server: Server, rng: random.Random, *others: Call) -> None:
    """A first request decodes; the others join it one by one; it is cancelled."""
    first = Call(server, server.run_of(40, rng), 40, 900).start().reached(1)
    for other in others:
        other.start().reached(1)
    first.cancel()
    for other in others:
        other.done()


@trigger
def abort_frees_shared(server: Server, rng: random.Random) -> None:
    shared = server.run_of(512, rng)
    a = Call(server, shared + server.run_of(3, rng), 3, 400).start().reached(1)
    b = Call(server, shared + server.run_of(3, rng), 515, 480).start().reached(1)
    a.cancel()
    churn(server, rng)
    b.done()


@trigger
def evicts_referenced(server: Server, rng: random.Random) -> None:
    shared = server.run_of(512, rng)
    Call(server, shared + server.run_of(3, rng), 3, 1).start().done()
    b = Call(server, shared + server.run_of(3, rng), 515, 480).start().reached(1)
    churn(server, rng)
    b.done()


@trigger
def count_one_block_over(server: Server, rng: random.Random) -> None:
    shared = server.run_of(32, rng)
    for _ in range(2):
        Call(server, shared + server.run_of(64, rng), 96, 96).start().done()


@trigger
def partial_block_published(server: Server, rng: random.Random) -> None:
    for cancel_ms in range(6, 66, 3):  # a client cannot see when the first chunk is computed
        neighbours = [Call(server, server.run_of(3, rng), 3, 100).start() for _ in range(4)]
        for neighbour in neighbours:
            neighbour.reached(1)
        long = server.run_of(600, rng)
        Call(server, long, 600, 1, cancel_ms=cancel_ms).start().done()
        again = Call(server, long, 600 - 224, 32).start().done()
        for neighbour in neighbours:
            neighbour.done()
        if again.complaints():
            break


@trigger
def stale_computed_count(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(590, rng), 590, 400).start().reached(1)
    b = Call(server, server.run_of(590, rng), 590, 100).start()
    a.done(), b.done()


@trigger
def adapter_not_hashed(server: Server, rng: random.Random) -> None:
    payload = server.run_of(64, rng)
    for adapter in range(min(2, len(server.adapters) + 1)):
        Call(server, payload, 64, 64, adapter=adapter).start().done()


@trigger
def salt_not_hashed(server: Server, rng: random.Random) -> None:
    payload = server.run_of(64, rng)
    for salt in ("one", "other"):
        Call(server, payload, 64, 64, salt=f"{salt} {rng.random()}").start().done()


@trigger
def parent_not_hashed(server: Server, rng: random.Random) -> None:
    a, b = server.run_of(32, rng), server.run_of(32, rng)
    for payload in (a, b, a + b):
        Call(server, payload, len(payload), len(payload)).start().done()


@trigger
def block_row_left(server: Server, rng: random.Random) -> None:
    after_one_left(server, rng, Call(server, server.run_of(300, rng), 300, 400))


@trigger
def slots_of_old_row(server: Server, rng: random.Random) -> None:
    after_one_left(server, rng, Call(server, server.run_of(40, rng), 20, 400))


@trigger
def mask_row_left(server: Server, rng: random.Random) -> None:
    after_one_left(server, rng, Call(server, server.run_of(40, rng), 40, 400, allowed=server.run_of(1, rng)[0]))


@trigger
def mask_row_copied(server: Server, rng: random.Random) -> None:
    marked = Call(server, server.run_of(40, rng), 40, 900, allowed=server.run_of(1, rng)[0])
    first = Call(server, server.run_of(40, rng), 40, 900).start().reached(1)
    marked.start().reached(1)
    first.cancel()
    marked.reached(len(marked.tokens) + 30)
    Call(server, server.run_of(40, rng), 40, 20).start().done()
    marked.done()


@trigger
def adapter_row_left(server: Server, rng: random.Random) -> None:
    after_one_left(server, rng, Call(server, server.run_of(40, rng), 20, 400, adapter=min(1, len(server.adapters))))


@trigger
def tokens_by_schedule(server: Server, rng: random.Random) -> None:
    after_one_left(server, rng, *(Call(server, server.run_of(40, rng), 40, 400) for _ in range(2)))


@trigger
def output_by_offset(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(40, rng), 40, 200).start().reached(1)
    b = Call(server, server.run_of(400, rng), 400, 400).start()
    a.done(), b.done()


@trigger
def logprobs_by_rank(server: Server, rng: random.Random) -> None:
    after_one_left(server, rng, Call(server, server.run_of(40, rng), 40, 20, logprobs=True))


def main() -> int:
    url, *names = sys.argv[1:]
    server = Server(url)
    wrong = 0
    for name in TRIGGERS if names == ["all"] else names:
        server.calls.clear()
        TRIGGERS[name](server, random.Random())  # prompts that no cache knows
        found = [(place + 1, call.complaints()) for place, call in enumerate(server.calls) if call.complaints()]
        wrong += len(found)
        print(f"{name}: {len(found)} of {len(server.calls)} wrong {found}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
