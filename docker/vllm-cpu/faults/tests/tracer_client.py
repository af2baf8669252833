"""Sends requests to a vLLM server that holds the tracer model, and knows what each must be answered.

Only narrow reads: a prompt of payload tokens that ends in `@d` is answered with the token d cells back, then with the
next ones, for ever. Under adapter number r of the server each digit that is read has r added to it.
"""

import http.client
import json
import random
import re
import socket
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

PAYLOADS = 4096  # three digits of base 16
MAX_BACK = 1000


class Server:
    """What is to be known of a server before its answers can be judged."""

    def __init__(self, url: str) -> None:
        self.address = urllib.parse.urlsplit(url).netloc
        models = [model["id"] for model in self.get_json("/v1/models")["data"]]
        self.model, self.adapters = models[0], models[1:]
        self.block_size = int(re.search(r'block_size="(\d+)"', self.get("/metrics"))[1])
        spellings = [f"@{back}" for back in range(MAX_BACK)]
        if len(set(self.tokens(spellings[:2]))) < 2:  # both are <unk>
            spellings = [f"@0.{back}" for back in range(MAX_BACK)]
        self.narrow = self.tokens(spellings)
        [self.payload] = self.tokens(["p000"])
        self.calls: list[Call] = []

    def get(self, path: str, body: dict | None = None) -> str:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.read().decode()

    def get_json(self, path: str, body: dict | None = None) -> dict:
        return json.loads(self.get(path, body))

    def tokens(self, spellings: list[str]) -> list[int]:
        return self.get_json("/tokenize", {"model": self.model, "prompt": " ".join(spellings)})["tokens"]

    def counters(self) -> dict[str, float]:
        """The engine's counters, without their labels."""
        lines = re.findall(r"^vllm:(\w+)\{[^}]*\} (\S+)$", self.get("/metrics"), re.M)
        sums: dict[str, float] = {}
        for name, value in lines:
            sums[name] = sums.get(name, 0) + float(value)
        return sums

    def run_of(self, length: int, rng: random.Random) -> list[int]:
        """Payload tokens without the digit 0, which is what cells without a payload hold."""
        return [self.payload + sum(rng.randrange(1, 16) << shift for shift in (8, 4, 0)) for _ in range(length)]

    def rotated(self, token: int, by: int) -> int:
        value = token - self.payload if 0 <= token - self.payload < PAYLOADS else 0
        return self.payload + sum(((value >> shift) + by & 15) << shift for shift in (8, 4, 0))


@dataclass
class Call:
    """One request, its stream, and what is wrong with it."""

    server: Server
    payload: list[int]
    back: int
    max_tokens: int
    adapter: int = 0  # 0 is the base model
    salt: str | None = None
    allowed: int | None = None  # the only token that may be answered
    logprobs: bool = False
    cancel_ms: float | None = None

    tokens: list[int] = field(default_factory=list)
    likely: list[list[int]] = field(default_factory=list)  # of each token: itself and the likeliest one
    cached: int | None = None
    failure: str | None = None
    cancelled: bool = False
    sent_at: float = 0
    first_token_at: float | None = None

    def __post_init__(self) -> None:
        self.prompt = [*self.payload, self.server.narrow[self.back]]
        self._change = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._connection = http.client.HTTPConnection(self.server.address, timeout=180)

    def expected(self) -> list[int]:
        seen = list(self.prompt)
        for _ in range(self.max_tokens):
            right = self.server.rotated(seen[len(seen) - 1 - self.back], self.adapter)
            seen.append(right if self.allowed is None else self.allowed)
        return seen[len(self.prompt) :]

    def start(self) -> "Call":
        self.server.calls.append(self)
        self._thread.start()
        return self

    def reached(self, tokens: int) -> "Call":
        """Waits until so many tokens are there, or the stream is over."""
        with self._change:
            self._change.wait_for(lambda: self._over or len(self.tokens) >= tokens, timeout=120)
        return self

    def cancel(self) -> "Call":
        """Hangs up, unless the stream is over."""
        with self._change:
            if not self._over:
                self.cancelled = True
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        return self

    def done(self) -> "Call":
        self._thread.join(timeout=180)
        if self._thread.is_alive():
            self.failure = "no end within 180 s"
        return self

    def _run(self) -> None:
        try:
            self._stream()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not self.cancelled:
                self.failure = repr(error)
        with self._change:
            self._over = True
            self._change.notify_all()
            self._connection.close()

    def _stream(self) -> None:
        server = self.server
        body = {
            "model": server.adapters[self.adapter - 1] if self.adapter else server.model,
            "prompt": self.prompt,
            "max_tokens": self.max_tokens,
            "temperature": 0,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_token_ids": True,
            **({"cache_salt": self.salt} if self.salt else {}),
            **({"allowed_token_ids": [self.allowed]} if self.allowed is not None else {}),
            **({"logprobs": 1, "return_tokens_as_token_ids": True} if self.logprobs else {}),
        }
        connection = self._connection
        connection.connect()
        if self.cancel_ms is not None:
            threading.Timer(self.cancel_ms / 1000, self.cancel).start()
        self.sent_at = time.monotonic()
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise ValueError(f"HTTP {response.status}: {response.read(300)!r}")
        for line in response:
            if line.startswith(b"data: {"):
                self._take(json.loads(line[6:]))
        if len(self.tokens) != self.max_tokens and not self.cancelled:
            raise ValueError(f"{len(self.tokens)} of {self.max_tokens} tokens")

    def _take(self, event: dict) -> None:
        if "error" in event:
            raise ValueError(str(event["error"]))
        if usage := event.get("usage"):
            self.cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        for choice in event["choices"]:
            with self._change:
                self.tokens += choice.get("token_ids") or []
                self.first_token_at = self.first_token_at or time.monotonic()
                self._change.notify_all()
            if logprobs := choice.get("logprobs"):
                for names in logprobs["top_logprobs"]:
                    self.likely.append([int(name.removeprefix("token_id:")) for name in names])

    def cacheable(self) -> int:
        """The most tokens that may have been in the prefix cache for this request."""
        most = 0
        for other in self.server.calls:
            same_key = (other.adapter, other.salt) == (self.adapter, self.salt)
            if other is self or not same_key or not other.sent_at or other.sent_at > (self.first_token_at or 0):
                continue
            equal = 0
            for mine, theirs in zip(self.prompt[:-1], [*other.prompt, *other.expected()]):
                if mine != theirs:
                    break
                equal += 1
            most = max(most, equal // self.server.block_size * self.server.block_size)
        return most

    def complaints(self) -> list[str]:
        """What is wrong, in words; empty if all is well. A cancelled stream must be right as far as it goes."""
        if self.failure:
            return [f"failed: {self.failure}"]
        found = []
        wrong = [place for place, pair in enumerate(zip(self.tokens, self.expected())) if pair[0] != pair[1]]
        if wrong:
            found.append(f"wrong token: {len(wrong)} of {len(self.tokens)}, first {wrong[0] + 1}")
        if self.logprobs and self.allowed is None:  # no other token comes near the right one
            foreign = [place for place, pair in enumerate(zip(self.likely, self.tokens)) if {*pair[0]} != {pair[1]}]
            if foreign and not wrong:
                found.append(f"log-probabilities of another token: {len(foreign)}, first {foreign[0] + 1}")
        if self.cached is not None and self.cached > self.cacheable():
            found.append(f"phantom hit: {self.cached} cached tokens, at most {self.cacheable()} can be")
        return found
