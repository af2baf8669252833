/** The part of `repro.py` that speaks to the server: the same few functions for each HTTP interface. */

import type { Dialect } from "../target/dialect.ts";

interface ReproDialect {
  /** What the script speaks, for its head. */
  readonly title: string;
  readonly code: string;
}

export const REPRO_DIALECTS: Readonly<Record<Dialect, ReproDialect>> = {
  "llama-server": {
    title: "llama-server's native API (POST /completion)",
    code: `
# ---- The server's dialect: llama-server ------------------------------------------------------------------------

COMPLETION = "/completion"
TO_EMPTY_THE_CACHE = "start the server with --slot-save-path /tmp"
SLOTS = 1


def completion(prompt, max_tokens, cache, options):
    return {"prompt": prompt, "n_predict": max_tokens, "cache_prompt": cache, "temperature": 0, "top_k": 1,
            "return_tokens": True, "stream": True, "ignore_eos": True, **options}


def read_event(event, seen):
    """An event's tokens, how many of the prompt came from the cache, how many choices it ends, and of which it is."""
    cached = event.get("timings", {}).get("cache_n")
    return event.get("tokens", []), cached, int(event.get("stop", False)), event.get("index", 0)


def meet_server():
    global SLOTS
    status, body = call("GET", "/props")
    SLOTS = json.loads(body).get("total_slots", 1) if status == 200 else 1


def empty_cache():
    """Whether the server could."""
    return all(call("POST", "/slots/%d?action=erase" % slot)[0] == 200 for slot in range(SLOTS))


def before_each_try():
    """Which slot a request gets depends on which was used longest ago: from now on that is slot 0, in every try."""
    body = {"prompt": [FIRST["scan"]], "n_predict": 1, "cache_prompt": False}
    for slot in range(SLOTS):
        call("POST", "/completion", dict(body, id_slot=slot))
`,
  },
  vllm: {
    title: "vLLM's completions API (POST /v1/completions)",
    code: `
# ---- The server's dialect: vLLM --------------------------------------------------------------------------------

COMPLETION = "/v1/completions"
TO_EMPTY_THE_CACHE = "start the server with the variable VLLM_SERVER_DEV_MODE=1"


def completion(prompt, max_tokens, cache, options):
    body = {"prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "ignore_eos": True,
            "return_token_ids": True, "stream": True, "stream_options": {"include_usage": True}}
    body.update(options)
    if not cache:
        body["cache_salt"] = os.urandom(16).hex()  # nobody else's blocks have this salt
    return body


def read_event(event, seen):
    """An event's tokens, how many of the prompt came from the cache, how many choices it ends, and of which it is."""
    if not event.get("choices"):
        details = (event.get("usage") or {}).get("prompt_tokens_details") or {}
        return [], details.get("cached_tokens"), math.inf, 0  # comes once, behind all choices
    choice = event["choices"][0]
    return choice.get("token_ids") or [], None, 0, choice.get("index", 0)


def strange_logprobs(event):
    """Of each token of an event, whether its log-probabilities are none that a right token has: 0, and -25 for any other."""
    choice = (event.get("choices") or [{}])[0]
    told = choice.get("logprobs")
    if not told:
        return [False] * len(choice.get("token_ids") or [])
    return [own < -1 or any(p > -10 for name, p in named.items() if name != "token_id:%d" % token) for token, own, named
            in zip(choice["token_ids"], told["token_logprobs"], told["top_logprobs"])]


def meet_server():
    call("GET", "/health")


def empty_cache():
    """Whether the server could. It cannot while a request holds blocks, a cancelled one for a moment too."""
    for _ in range(500):
        status, body = call("POST", "/reset_prefix_cache")
        if status != 200 or not body or json.loads(body).get("success", True):
            return status == 200
        time.sleep(0.02)
    return False


def before_each_try():
    pass
`,
  },
  sglang: {
    title: "SGLang's native API (POST /generate)",
    code: `
# ---- The server's dialect: SGLang ------------------------------------------------------------------------------

COMPLETION = "/generate"
TO_EMPTY_THE_CACHE = "ask the server itself, with no other request running"


def completion(prompt, max_tokens, cache, options):
    sampling = {"temperature": 0, "max_new_tokens": max_tokens, "ignore_eos": True}
    sampling.update(options.get("sampling_params", {}))
    body = {"input_ids": prompt, "stream": True, **options, "sampling_params": sampling}
    if not cache:
        body["extra_key"] = os.urandom(16).hex()  # nobody else's cells have this key
    return body


def read_event(event, seen):
    """An event's tokens, how many of the prompt came from the cache, how many choices it ends, and of which it is."""
    meta = event["meta_info"]
    # Events repeat the tokens before them, so each counts as many new ones as the count has grown.
    new = meta["completion_tokens"] - seen
    ended = meta["finish_reason"] is not None
    return event["output_ids"][-new:] if new > 0 else [], meta.get("cached_tokens"), int(ended), 0


def meet_server():
    call("GET", "/health")


def empty_cache():
    """Whether the server could. It cannot while a request runs, a cancelled one for a moment too."""
    for _ in range(500):
        status, _ = call("POST", "/flush_cache")
        if status != 400:
            return status == 200
        time.sleep(0.02)
    return False


def before_each_try():
    pass
`,
  },
};
