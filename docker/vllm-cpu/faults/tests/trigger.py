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
    """Takes every block that is free, twice."""
    for _ in range(2):
        Call(server, server.run_of(900, rng), 900, 1).start().done()


@trigger
def abort_frees_shared(server: Server, rng: random.Random) -> None:
    shared = server.run_of(64, rng)
    a = Call(server, shared + server.run_of(3, rng), 3, 90).start().reached(1)
    b = Call(server, shared + server.run_of(3, rng), 67, 64).start().reached(1)
    a.cancel()
    churn(server, rng)
    b.done()


@trigger
def evicts_referenced(server: Server, rng: random.Random) -> None:
    shared = server.run_of(64, rng)
    Call(server, shared + server.run_of(3, rng), 3, 1).start().done()
    b = Call(server, shared + server.run_of(3, rng), 67, 64).start().reached(1)
    churn(server, rng)
    b.done()


@trigger
def count_one_block_over(server: Server, rng: random.Random) -> None:
    shared = server.run_of(32, rng)
    for _ in range(2):
        Call(server, shared + server.run_of(64, rng), 96, 96).start().done()


@trigger
def partial_block_published(server: Server, rng: random.Random) -> None:
    neighbours = [Call(server, server.run_of(3, rng), 3, 150).start() for _ in range(4)]
    for neighbour in neighbours:
        neighbour.reached(1)
    for cancel_ms in range(20, 320, 20):  # a client cannot see when the first chunk is computed
        long = server.run_of(600, rng)
        Call(server, long, 600, 1, cancel_ms=cancel_ms).start().done()
        again = Call(server, long, 600 - 224, 32).start().done()
        if again.complaints():
            break
    for neighbour in neighbours:
        neighbour.done()


@trigger
def stale_computed_count(server: Server, rng: random.Random) -> None:
    both = [Call(server, server.run_of(590, rng), 590, 60).start().reached(1) for _ in range(2)]
    for call in both:
        call.done()


@trigger
def adapter_not_hashed(server: Server, rng: random.Random) -> None:
    payload = server.run_of(64, rng)
    for adapter in range(min(2, len(server.adapters) + 1)):
        Call(server, payload, 64, 64, adapter=adapter).start().done()


@trigger
def salt_not_hashed(server: Server, rng: random.Random) -> None:
    payload = server.run_of(64, rng)
    for salt in ("one", "other"):
        Call(server, payload, 64, 64, salt=salt + str(rng.random())).start().done()


@trigger
def parent_not_hashed(server: Server, rng: random.Random) -> None:
    a, b = server.run_of(32, rng), server.run_of(32, rng)
    for payload in (a, b, a + b):
        Call(server, payload, len(payload), len(payload)).start().done()


@trigger
def block_row_left(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(40, rng), 40, 10).start().reached(1)
    b = Call(server, server.run_of(40, rng), 40, 40).start()
    a.done(), b.done()


@trigger
def slots_of_old_row(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(40, rng), 40, 10).start().reached(1)
    b = Call(server, server.run_of(40, rng), 20, 60).start()
    a.done(), b.done()


@trigger
def mask_row_left(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(40, rng), 40, 10).start().reached(1)
    b = Call(server, server.run_of(40, rng), 40, 40, allowed=server.run_of(1, rng)[0]).start()
    a.done(), b.done()


@trigger
def mask_row_copied(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(40, rng), 40, 10).start().reached(1)
    b = Call(server, server.run_of(40, rng), 40, 90, allowed=server.run_of(1, rng)[0]).start()
    a.done()
    c = Call(server, server.run_of(40, rng), 40, 10).start()
    b.done(), c.done()


@trigger
def adapter_row_left(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(40, rng), 40, 10).start().reached(1)
    b = Call(server, server.run_of(40, rng), 20, 60, adapter=min(1, len(server.adapters))).start()
    a.done(), b.done()


@trigger
def tokens_by_schedule(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(40, rng), 40, 10).start().reached(1)
    b = Call(server, server.run_of(40, rng), 40, 40).start().reached(1)
    c = Call(server, server.run_of(40, rng), 40, 40).start()
    a.done(), b.done(), c.done()


@trigger
def output_by_position(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(40, rng), 40, 40).start().reached(1)
    b = Call(server, server.run_of(40, rng), 40, 40).start().reached(3)
    a.cancel(), b.done()


@trigger
def logprobs_by_rank(server: Server, rng: random.Random) -> None:
    a = Call(server, server.run_of(40, rng), 40, 40).start().reached(1)
    b = Call(server, server.run_of(40, rng), 40, 20, logprobs=True).start()
    a.done(), b.done()


def main() -> int:
    url, *names = sys.argv[1:]
    server = Server(url)
    wrong = 0
    for name in TRIGGERS if names == ["all"] else names:
        server.calls.clear()
        TRIGGERS[name](server, random.Random(name))
        found = [(place + 1, call.complaints()) for place, call in enumerate(server.calls) if call.complaints()]
        wrong += len(found)
        print(f"{name}: {len(found)} of {len(server.calls)} wrong {found}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
