import { farDistance, nearDistance } from "../tracer/read-tokens.ts";
import { FIRST, NEAR_STEPS, RUNGS } from "../tracer/vocabulary.ts";

/** The part of `repro.py` that is the same for every finding. Python 3.9 or later, standard library only. */

export const REPRO_BODY = String.raw`
# ---- The model's tokens ----------------------------------------------------------------------------------------

FIRST = ${JSON.stringify(FIRST)}
# How far one step of each of a distance's two tokens goes, in cells.
NEAR, FAR = ${nearDistance(1)}, ${farDistance(1)}


def payload(seed, family, length, distinct=False):
    """A run of payload tokens. A token is three digits, base 16; the family fixes the upper two bits of each digit."""
    state, tokens, pairs = seed, [], list(range(225))

    def random(count):  # mulberry32
        nonlocal state
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        z = ((state ^ (state >> 15)) * (state | 1)) & 0xFFFFFFFF
        z ^= (z + (z ^ (z >> 7)) * (z | 61)) & 0xFFFFFFFF
        return ((z ^ (z >> 14)) & 0xFFFFFFFF) * count // 2**32

    for i in range(length):
        value = 0
        if distinct:
            pick = i + random(225 - i)
            pairs[i], pairs[pick] = pairs[pick], pairs[i]
            value = (1 + pairs[i] // 15) * 16 + 1 + pairs[i] % 15
        for shift in (0,) if distinct else (4, 2, 0):
            value = value * 16 + max(1, 4 * (family >> shift & 3) + random(4))
        tokens.append(FIRST["payload"] + value)
    return tokens


def name(token):
    kind = max((k for k in FIRST if FIRST[k] <= token), key=FIRST.get)
    value = token - FIRST[kind]
    if kind == "payload":
        return "p%03x" % value
    if kind == "bad":
        return "bad.%d.%x" % (value // 16 + 1, value % 16)
    if kind == "rung":
        return "rung.%d.%d" % divmod(value, ${RUNGS})
    if kind in ("byte", "special"):
        return "<0x%02X>" % value if kind == "byte" else ("<unk>", "<s>", "</s>")[value]
    digits = {"scan": "%03x", "find": "%02x", "nonce": "%02x", "branch": "%x"}
    return kind + "." + digits.get(kind, "%d") % value


def is_payload(token):
    return FIRST["payload"] <= token < FIRST["far"]


def rounded(number):
    return math.floor(number + 0.5)


class Request:
    """A request of the trace: what it asks, what the answer must be, and what came back."""

    def __init__(self, step, segments):
        self.id, self.max_tokens, self.cache = step["send"], step["max_tokens"], step.get("cache", True)
        self.options, self.moves = step.get("options", {}), step.get("moves", [0, 0, 0])
        self.walk, self.most_cached = step.get("walk"), step.get("most_cached", 0)
        self.embed, self.vector = step.get("embed", False), None
        self.prompt, self.places, self.allowed, self.turn = [], [], 0, 0
        for kind, *numbers in step["prompt"]:
            if len(numbers) == 2:
                start, stop = numbers
                self.prompt += payload(*segments[kind])[start:stop]
                for digit, shift in enumerate((4, 2, 0)):
                    group = 1 << ((segments[kind][1] >> shift) + self.moves[digit] & 3)
                    self.allowed |= (15 if segments[kind][3:] and digit < 2 else group) << 4 * digit
                self.places += ["?"] * (len(self.prompt) - len(self.places) - stop + start)
                self.places += ["%s[%d]" % (kind, i) for i in range(start, stop)]
            elif kind in ("nonce", "branch"):
                self.prompt.append(FIRST[kind] + numbers[0])
            elif kind == "answer":
                answer = self.answer(numbers[0])
                self.prompt += answer
                for token in map(self.stored, answer):
                    for digit, shift in enumerate((8, 4, 0)):
                        value = token - FIRST["payload"] >> shift & 15 if is_payload(token) else 0
                        self.allowed |= (value > 0) << (value >> 2) + 4 * digit
            else:
                self.read(kind, *numbers)
        self.expected = self.answer(self.max_tokens)
        self.choices, self.ended = [[] for _ in range(step.get("n", 1))], 0
        self.strange = [[] for _ in self.choices]
        self.cached, self.state, self.error = None, "open", None
        self.socket, self.cancel_after, self.lock = None, None, threading.Lock()
        self.settled = threading.Event()

    def read(self, kind, back=0):
        """Appends a read's tokens, and notes what it asks: cells, or the one token of all answers."""
        if kind in ("scan", "dice"):
            value = self.allowed if kind == "scan" else back
            self.asked = FIRST["scan"] + value if kind == "scan" else FIRST["rung"] + ${RUNGS} * value
            self.prompt.append(FIRST[kind] + value)
            return
        first = len(self.prompt) - back
        self.asked = self.prompt[first:] if kind == "narrow" else self.prompt[first]
        turn, self.turn = FIRST["turn"] + self.turn, self.turn + 1
        if kind == "find":
            self.prompt += [turn, FIRST["find"] + (self.asked - FIRST["payload"] >> 4)]
        else:  # the distance from the read's last token, spelled twice
            far, near = rounded((back + 2) / FAR), rounded((back + 2 + 1 / 16) / NEAR) % ${NEAR_STEPS}
            self.prompt += [FIRST["far"] + far, turn, FIRST["near"] + near]

    def answer(self, length):
        """The only right answer to the read that the prompt ends with; a cell without payload reads as digits 0, 0, 0."""
        if isinstance(self.asked, int):
            token = self.stored(self.asked)
            return [token + rung for rung in self.walk or [0] * length]
        cells = self.asked + [0] * 3  # the read's own, and then the answer's
        for i in range(length):
            cells.append(self.stored(cells[i]) if is_payload(cells[i]) else FIRST["payload"])
        return cells[len(cells) - length:]

    def stored(self, token):
        """The token that a cell of this request shows: its adapter moves digits. Digit 0 stands for none, and stays."""
        if not is_payload(token):
            return token
        digits = [token - FIRST["payload"] >> shift & 15 for shift in (8, 4, 0)]
        x, y, z = (d and max(1, (d + 4 * move) % 16) for d, move in zip(digits, self.moves))
        return FIRST["payload"] + 256 * x + 16 * y + z

    def send(self):
        self.sent = time.monotonic()
        call = embedding if self.embed else completion
        body = call(self.prompt, self.max_tokens, self.cache, self.options)
        try:
            connection = connect()
            connection.request("POST", PATH + (EMBEDDINGS if self.embed else COMPLETION), json.dumps(body), HEADERS)
            self.socket = connection.sock
        except OSError as error:
            return self.settle("failed", str(error))
        threading.Thread(target=self.receive, args=[connection], daemon=True).start()

    def receive(self, connection):
        response = None
        try:
            response = connection.getresponse()
            if response.status != 200:
                return self.settle("failed", "HTTP %d: %s" % (response.status, response.read(300)))
            if self.embed:
                return self.receive_vector(json.loads(response.read())["data"][0]["embedding"])
            for line in iter(response.readline, b""):
                if not line.startswith(b"data: {"):
                    continue
                event = json.loads(line[6:])
                if "error" in event:
                    return self.settle("failed", str(event["error"]))
                tokens, cached, ended, choice = read_event(event, self.received())
                if choice >= len(self.choices):
                    return self.settle("failed", "choice %d was not asked for" % choice)
                with self.lock:
                    if self.state != "open":
                        return
                    self.choices[choice] += tokens
                    self.cached = cached
                    if LAW == "own log-probabilities":
                        self.strange[choice] += strange_logprobs(event)
                    self.ended += ended
                    enough = self.cancel_after is not None and self.received() >= self.cancel_after
                if self.ended >= len(self.choices):
                    return self.settle("finished")
                if enough:
                    return self.cancel()
            self.settle("failed", "the stream ended early")
        except (OSError, ValueError, LookupError, http.client.HTTPException) as error:
            self.settle("failed", str(error))  # a cancelled request has settled already: this changes nothing
        finally:
            if response:
                response.close()
            connection.close()

    def receive_vector(self, vector):
        """The answer of whoever gets this vector alone, which is not told before it is known."""
        self.vector = vector
        alone = [r for r in [ALONE.get(self.id), *ALONE.values()] if r and alike(vector, r.vector)]
        if ALONE and not alone:
            return self.settle("failed", "a vector that no request of the trace gets alone")
        with self.lock:
            self.choices = [alone[0].expected if alone else []] if self.state == "open" else self.choices
        self.settle("finished")

    def received(self):
        return sum(map(len, self.choices))

    def cancel(self):
        if not self.settle("cancelled"):
            return
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # the server sees the client go away
        except OSError:
            pass

    def cancel_after_tokens(self, count):
        with self.lock:
            self.cancel_after = count
            enough = self.received() >= count
        if enough:
            self.cancel()

    def settle(self, state, error=None):
        with self.lock:
            if self.state != "open":
                return False
            self.state, self.error = state, error
        self.settled.set()
        return True


# ---- Embeddings ------------------------------------------------------------------------------------------------

EMBEDDINGS = "/v1/embeddings"
# Each embeddings request of the trace as it is answered when the server has nothing else to do.
ALONE = {}


def embedding(prompt, _, cache, options):
    alone = {} if cache else {"cache_prompt": False, "cache_salt": os.urandom(16).hex()}
    return {"input": prompt, "encoding_format": "float", **options, **alone}


def alike(one, other):
    """Vectors of different answers are ten times as far apart in one of their numbers, those of one answer hardly."""
    return len(one) == len(other) and all(abs(a - b) < 1 / 1024 for a, b in zip(one, other))


def embed_alone():
    """The vectors that requests of the trace get one by one, with nothing in the cache."""
    alone = {}
    for step in STEPS:
        if step.get("embed"):
            empty_cache()
            request = alone[step["send"]] = Request(step, SEGMENTS)
            request.send()
            request.settled.wait(ARGS.deadline)
            if request.vector is None:
                could_not_test("%s cannot embed: %s" % (ARGS.url, request.error or "no answer"))
    ALONE.update(alone)


# ---- Running the trace -----------------------------------------------------------------------------------------

def connect(timeout=None):
    kind = http.client.HTTPSConnection if URL.scheme == "https" else http.client.HTTPConnection
    return kind(URL.hostname, URL.port, timeout=timeout or ARGS.deadline)


def call(method, path, body=None, timeout=30):
    """Status and body of a plain call."""
    connection = connect(timeout)
    try:
        connection.request(method, PATH + path, body=body and json.dumps(body), headers=HEADERS)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def throttle(share, for_ms, requests):
    """Stops and continues the server by turns, until the time is over or every request has settled."""
    end = time.monotonic() + (ARGS.deadline if for_ms is None else for_ms / 1000)
    while time.monotonic() < end and not all(r.settled.is_set() for r in requests.values()):
        os.kill(ARGS.pid, signal.SIGSTOP)
        time.sleep(0.02 * (1 - share))
        os.kill(ARGS.pid, signal.SIGCONT)
        time.sleep(0.02 * share)


def run_trace(segments):
    """Fires each step at its time. A wait that ends late pushes all later steps back."""
    requests = {s["send"]: Request(s, segments) for s in STEPS if "send" in s}
    start, timers = time.monotonic(), []
    for step in STEPS:
        due = start + step["at"] / 1000
        time.sleep(max(0, due - time.monotonic()))
        if "send" in step:
            requests[step["send"]].send()
        elif "cancel" in step:
            request = requests[step["cancel"]]
            if "after_tokens" in step:
                request.cancel_after_tokens(step["after_tokens"])
            elif "after_ms" in step:
                at = max(due, request.sent + step["after_ms"] / 1000)
                timers.append(threading.Timer(max(0, at - time.monotonic()), request.cancel))
                timers[-1].start()
            else:
                request.cancel()
        elif "wait" in step:
            requests[step["wait"]].settled.wait(ARGS.deadline)
        elif "flush" in step:
            empty_cache()
        elif step["fault"] == "kill":
            os.kill(ARGS.pid, signal.SIGKILL)
        elif step["fault"] == "throttle":
            timers.append(threading.Thread(target=throttle, args=(step["share"], step.get("for_ms"), requests)))
            timers[-1].start()
        else:
            os.kill(ARGS.pid, signal.SIGSTOP)
            if "for_ms" in step:
                timers.append(threading.Timer(step["for_ms"] / 1000, os.kill, (ARGS.pid, signal.SIGCONT)))
                timers[-1].start()
        if "wait" in step or "flush" in step:
            start += max(0, time.monotonic() - due)
    end = time.monotonic() + ARGS.deadline
    for request in requests.values():
        request.settled.wait(max(0, end - time.monotonic()))
    for timer in timers:
        timer.join()
    return requests


# ---- Judging it ------------------------------------------------------------------------------------------------

def wrong_index(request, choice):
    """Index of the first token that the prompt does not determine; None if there is none as far as the answer goes."""
    tokens = request.choices[choice]
    pairs = zip(tokens, request.expected)
    index = next((i for i, (got, right) in enumerate(pairs) if got != right), None)
    if index is None and LAW == "whole answers" and request.state == "finished":
        if len(tokens) != len(request.expected):
            index = min(len(tokens), len(request.expected))
    if LAW == "own log-probabilities":
        if isinstance(request.asked, int) and request.asked >= FIRST["rung"]:
            return None  # dice: the rungs of a ladder are near each other
        return next((i for i, strange in enumerate(request.strange[choice][:index]) if strange), None)
    return index


def owner(request, tokens, index, requests):
    """Whose segment the wrong tokens come from, as far as they tell."""
    observed = tokens[index:]
    if observed and FIRST["bad"] <= observed[0] < FIRST["err"]:
        digit, value = divmod(observed[0] - FIRST["bad"], 16)
        held = {p[0] for r in STEPS if r.get("send") == request.id for p in r["prompt"][:-1]}
        found = [s for s, (_, family, _, *distinct) in SEGMENTS.items() if s not in held
                 and (distinct and digit < 2 or family >> (4 - 2 * digit) & 3 == value // 4)]
        moved = {(r.moves[digit], r.id) for r in requests.values() if r.moves != request.moves}
        found += ["%s as the adapter of %s stores it" % (s, r) for s in held & set(SEGMENTS) for move, r in sorted(moved)
                  if (SEGMENTS[s][1] >> (4 - 2 * digit)) + move & 3 == value // 4]
        return "digit %d of a cell that was read is %x, which no cell of %s holds; segments that do: %s" % (
            digit + 1, value, request.id, ", ".join(found) or "none of this trace")
    if observed and observed[0] >= FIRST["rung"]:
        return "no cell: another rung than the request's own sampling parameters lead to"
    if observed and observed[0] >= FIRST["err"]:
        return "the alarm of layer %d: a key of the context has not the marks of %s; whose it is, an alarm does not tell" % (
            observed[0] - FIRST["err"], request.id)
    best, where = 0, []
    for other in requests.values():
        for position in range(len(other.places)):
            length = 0
            while (index + length < len(request.expected) and length < len(observed)
                   and observed[length] != request.expected[index + length]
                   and position + length < len(other.places)
                   and other.stored(other.prompt[position + length]) == observed[length]):
                length += 1
            if length > best:
                best, where = length, []
            if length and length == best:
                where.append("%s of %s" % (other.places[position], other.id))
    if not where:
        return "no request of this trace holds such a cell"
    return "%d token%s in a row as in %s" % (best, "" if best == 1 else "s", " or ".join(where[:4]))


def describe(request, choice, index, requests):
    tokens, label = request.choices[choice], "request %s" % request.id + (", choice %d" % choice if choice else "")
    if index is None and LAW == "earned hits":
        return "request %s: %d tokens of its prompt came from the cache; another request can have left %d" % (
            request.id, request.cached, request.most_cached)
    if index is None:
        return "%s: %s after %d tokens: %s" % (
            label, "failed" if request.state == "failed" else "still open", len(tokens), request.error)
    if LAW == "own log-probabilities":
        return "%s, token %d (%s) is right, and came with log-probabilities that are not its own" % (
            label, index, request.state)
    expected, observed = request.expected[index:index + 4], tokens[index:index + 4]
    return "%s, token %d (%s)\n  expected %s\n  observed %s\n  origin   %s" % (
        label, index, request.state, " ".join(map(name, expected)) or "the end",
        " ".join(map(name, observed)) or "the end", owner(request, tokens, index, requests) if observed else "-")


def server_is_gone():
    """A server that has lost its engine says so, and ends in a moment."""
    for _ in range(100):
        try:
            if call("GET", "/health", timeout=5)[0] == 200:
                return False
        except OSError:
            return True
        time.sleep(0.1)
    return False


def short_choice(request):
    """The first choice that has not all its tokens."""
    return next((i for i, tokens in enumerate(request.choices) if len(tokens) < request.max_tokens), 0)


def refused(request, requests):
    """Whether the server would not take a request whose id another one has: it may."""
    own = request.options.get("rid") or request.options.get("request_id")
    if own is None or request.state != "failed" or request.received():
        return False
    named = (r.options.get("rid") or r.options.get("request_id") for r in requests.values() if r is not request)
    return own in named and (request.error.startswith("HTTP 4") or "uplicate" in request.error)


def violations(requests):
    """Requests that break the law, each with a choice and the index of its first wrong token, None for no token."""
    unsettled = [(r, short_choice(r), None) for r in requests.values()
                 if r.state in ("failed", "open") and not refused(r, requests)]
    if LAW == "settles":
        return unsettled
    if LAW == "stays up":
        return unsettled if unsettled and server_is_gone() else []
    if LAW == "earned hits":
        return [(r, 0, None) for r in requests.values() if (r.cached or 0) > r.most_cached]
    found = [(r, i, wrong_index(r, i)) for r in requests.values() for i in range(len(r.choices))]
    return [(r, choice, index) for r, choice, index in found if index is not None]


def could_not_test(message):
    print("COULD NOT TEST: " + message)
    sys.exit(2)


def main():
    try:
        meet_server()
        # A read of cells that only this model answers, without the cache. Three tries: the bug itself may spoil one.
        for attempt in range(3):
            probe = Request({"send": "probe", "prompt": [("P", 0, 24), ("narrow", 24)], "max_tokens": 12, "cache": False},
                            {"P": (900000001 + attempt, 27, 24)})
            probe.send()
            probe.settled.wait(ARGS.deadline)
            if probe.state == "finished" and probe.choices == [probe.expected]:
                break
        else:
            could_not_test("%s does not hold the tracer model: %s. Start it as the first lines of this file say." % (
                ARGS.url, probe.error or "a read was answered " + " ".join(map(name, probe.choices[0][:6]))))
        empties = empty_cache()
    except (OSError, ValueError, http.client.HTTPException) as error:
        could_not_test("%s does not answer: %s" % (ARGS.url, error))
    if any("flush" in s for s in STEPS) and not empties:
        could_not_test("the trace empties the cache: " + TO_EMPTY_THE_CACHE)
    if any("options" in s for s in STEPS) and not empties:
        could_not_test("the trace names tokens, so that each try needs the same ones: " + TO_EMPTY_THE_CACHE)
    if any("fault" in s for s in STEPS) and not ARGS.pid:
        could_not_test("the trace pauses, slows or kills the server: give its process id with --pid")
    embed_alone()
    judged = 0
    for number in range(1, ARGS.tries + 1):
        # Tries must not find each other's cells: the cache is emptied or, failing that, the payloads are new.
        before_each_try()
        shift = 0 if empty_cache() or number == 1 else number * 1000003
        segments = {s: ((seed + shift) % 2**32, *rest) for s, (seed, *rest) in SEGMENTS.items()}
        try:
            requests = run_trace(segments)
        except (OSError, http.client.HTTPException) as error:
            could_not_test("try %d broke off: %s" % (number, error))
        found = violations(requests)
        if found:
            print("REPRODUCED on try %d of %d: %s" % (number, ARGS.tries, ANOMALY))
            for request, choice, index in found:
                print(describe(request, choice, index, requests))
            sys.exit(1)
        judged += LAW == "settles" or all(
            r.state in ("finished", "cancelled") or refused(r, requests) for r in requests.values())
    if judged == 0:
        could_not_test("requests failed in every try: " + str({r.id: r.error for r in requests.values() if r.error}))
    print("NOT REPRODUCED in %d tries (the finding: %s)" % (judged, RATE))
    sys.exit(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="the server, as http://127.0.0.1:8080")
    parser.add_argument("--tries", type=int, default=TRIES, help="how often to run the trace (default %(default)s)")
    parser.add_argument("--deadline", type=float, default=60, help="seconds after which a request hangs (default 60)")
    parser.add_argument("--pid", type=int, help="the server's process, for traces that pause or kill it")
    ARGS = parser.parse_args()
    URL = urllib.parse.urlsplit(ARGS.url if "//" in ARGS.url else "http://" + ARGS.url)
    PATH = URL.path.rstrip("/")
    HEADERS = {"Content-Type": "application/json", "Connection": "close"}
    try:
        main()
    except Exception as error:  # a mistake of this script is no proof
        could_not_test("unexpected: %r" % error)
`;
