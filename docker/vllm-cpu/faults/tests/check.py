"""Drives a vLLM server that holds the tracer model: a first request alone, or random load.

    check.py URL alone              one request with every feature; the server has to be fresh
    check.py URL load [N] [SEED]    N requests (300) from 12 clients: shared and crossing prefixes, cancels, adapters,
                                    salts, allowed tokens, log-probabilities

Prints a line of figures. Status 0 if every answer was right, 1 if one was wrong, 2 if one failed.
"""

import random
import sys
import threading
import time
from collections import Counter

from tracer_client import MAX_BACK, Call, Server

CLIENTS = 12


def alone(server: Server, rng: random.Random) -> Call:
    """Three chunks of prompt, and an answer of several blocks that reads the prompt and then itself."""
    return Call(server, server.run_of(600, rng), 60, 100, adapter=len(server.adapters), salt="own", logprobs=True)


def random_call(server: Server, segments: list[list[int]], rng: random.Random) -> Call:
    """Segments are whole blocks, so the same block lies behind different prefixes and at different places."""
    parts = [token for segment in rng.choices(segments, k=rng.randint(1, 4)) for token in segment]
    shared = parts[: rng.randint(1, len(parts))] if rng.random() < 0.5 else parts
    payload = shared + server.run_of(rng.randint(0, 60), rng)
    max_tokens = rng.randint(1, 250)
    reads_itself = rng.random() < 0.3
    return Call(
        server,
        payload,
        rng.randint(1, min(30 if reads_itself else MAX_BACK - 1, len(payload))),
        max_tokens,
        adapter=rng.randint(0, len(server.adapters)),
        salt=rng.choice(["s", f"{rng.random()}"]) if rng.random() < 0.15 else None,
        allowed=server.run_of(1, rng)[0] if rng.random() < 0.15 else None,
        logprobs=rng.random() < 0.25,
        cancel_ms=5 * 200 ** rng.random() if rng.random() < 0.35 else None,
    )


def load(server: Server, requests: int, rng: random.Random) -> list[Call]:
    segments = [server.run_of(server.block_size * rng.randint(1, 5), rng) for _ in range(4)]
    waiting = [random_call(server, segments, rng) for _ in range(requests)]
    waiting.reverse()

    def client() -> None:
        while waiting:
            waiting.pop().start().done()

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    return server.calls


def main() -> int:
    url, mode, *numbers = sys.argv[1:]
    requests, seed = [*map(int, numbers), 300, 1][:2] if numbers else (300, 1)
    server = Server(url)
    rng = random.Random(seed)
    began = time.monotonic()
    before = server.counters()
    calls = [alone(server, rng).start().done()] if mode == "alone" else load(server, requests, rng)
    seconds = time.monotonic() - began
    after = server.counters()
    complaints = {place: found for place, call in enumerate(calls) if (found := call.complaints())}
    kinds = Counter(text.split(":")[0] for found in complaints.values() for text in found)
    first = min(complaints, default=None)
    print(f"{len(complaints)} of {len(calls)} wrong, {dict(kinds)}", end="")
    if first is not None:
        print(f", first is request {first + 1} after {calls[first].sent_at - began:.0f} s: {complaints[first]}", end="")
    counted = {
        name: int(after.get(f"{name}_total", 0) - before.get(f"{name}_total", 0))
        for name in ("num_preemptions", "prefix_cache_hits", "generation_tokens")
    }
    print(f"; {sum(call.cancelled for call in calls)} cancelled, {counted}, {seconds:.0f} s")
    return 2 if "failed" in kinds else 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
