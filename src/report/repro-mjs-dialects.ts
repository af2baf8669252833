/** The part of `repro.mjs` that speaks to the server: the same few functions for each HTTP interface. */

import type { Dialect } from "../target/dialect.ts";

export const REPRO_DIALECTS: Readonly<Record<Dialect, string>> = {
  "llama-server": `
// ---- The server's dialect: llama-server ------------------------------------------------------------------------

const COMPLETION = "/completion";
const TO_EMPTY_THE_CACHE = "start the server with --slot-save-path /tmp";
let slots = 1;

function completion(prompt, maxTokens, cache, options) {
  return { prompt, n_predict: maxTokens, cache_prompt: cache, temperature: 0, top_k: 1,
    return_tokens: true, stream: true, ignore_eos: true, ...options };
}

/** An event's tokens, how many of the prompt came from the cache, how many choices it ends, and of which it is. */
function readEvent({ tokens = [], timings = {}, stop = false, index = 0 }) {
  return [tokens, timings.cache_n ?? null, stop ? 1 : 0, index];
}

async function meetServer() {
  const [status, body] = await call("GET", "/props");
  slots = (status === 200 && JSON.parse(body).total_slots) || 1;
}

/** Whether the server could. */
async function emptyCache() {
  for (let slot = 0; slot < slots; slot++) {
    const [status] = await call("POST", "/slots/" + slot + "?action=erase");
    if (status !== 200) return false;
  }
  return true;
}

/** Which slot a request gets depends on which was used longest ago: from now on that is slot 0, in every try. */
async function beforeEachTry() {
  for (let slot = 0; slot < slots; slot++)
    await call("POST", "/completion", { prompt: [FIRST.scan], n_predict: 1, cache_prompt: false, id_slot: slot });
}
`,
  vllm: `
// ---- The server's dialect: vLLM --------------------------------------------------------------------------------

const COMPLETION = "/v1/completions";
const TO_EMPTY_THE_CACHE = "start the server with the variable VLLM_SERVER_DEV_MODE=1";

function completion(prompt, maxTokens, cache, options) {
  const body = { prompt, max_tokens: maxTokens, temperature: 0, ignore_eos: true,
    return_token_ids: true, stream: true, stream_options: { include_usage: true }, ...options };
  if (!cache) body.cache_salt = randomBytes(16).toString("hex"); // nobody else's blocks have this salt
  return body;
}

/** An event's tokens, how many of the prompt came from the cache, how many choices it ends, and of which it is. */
function readEvent({ choices, usage }) {
  // Comes once, behind all choices.
  if (!choices?.length) return [[], usage?.prompt_tokens_details?.cached_tokens ?? null, Infinity, 0];
  const [{ index = 0, token_ids }] = choices;
  return [token_ids ?? [], null, 0, index];
}

/** Of each token of an event, whether its log-probabilities are none that a right token has: 0, and -25 for any other. */
function strangeLogprobs({ choices = [] }) {
  const { logprobs: told, token_ids } = choices[0] ?? {};
  return (token_ids ?? []).map((token, i) => {
    const rivals = Object.entries(told?.top_logprobs[i] ?? {}).filter(([name]) => name !== "token_id:" + token);
    return told?.token_logprobs[i] < -1 || rivals.some(([, logprob]) => logprob > -10);
  });
}

async function meetServer() {
  await call("GET", "/health");
}

/** Whether the server could. It cannot while a request holds blocks, a cancelled one for a moment too. */
async function emptyCache() {
  for (let i = 0; i < 500; i++) {
    const [status, body] = await call("POST", "/reset_prefix_cache");
    if (status !== 200 || !body || (JSON.parse(body).success ?? true)) return status === 200;
    await sleep(20);
  }
  return false;
}

async function beforeEachTry() {}
`,
  sglang: `
// ---- The server's dialect: SGLang ------------------------------------------------------------------------------

const COMPLETION = "/generate";
const TO_EMPTY_THE_CACHE = "ask the server itself, with no other request running";

function completion(prompt, maxTokens, cache, { sampling_params, ...options }) {
  const sampling = { temperature: 0, max_new_tokens: maxTokens, ignore_eos: true, ...sampling_params };
  const body = { input_ids: prompt, stream: true, ...options, sampling_params: sampling };
  if (!cache) body.extra_key = randomBytes(16).toString("hex"); // nobody else's cells have this key
  return body;
}

/** An event's tokens, how many of the prompt came from the cache, how many choices it ends, and of which it is. */
function readEvent({ output_ids, meta_info: { completion_tokens, cached_tokens = null, finish_reason } }, seen) {
  // Events repeat the tokens before them, so each counts as many new ones as the count has grown.
  const added = completion_tokens - seen;
  return [added > 0 ? output_ids.slice(-added) : [], cached_tokens, finish_reason === null ? 0 : 1, 0];
}

async function meetServer() {
  await call("GET", "/health");
}

/** Whether the server could. It cannot while a request runs, a cancelled one for a moment too. */
async function emptyCache() {
  for (let i = 0; i < 500; i++) {
    const [status] = await call("POST", "/flush_cache");
    if (status !== 400) return status === 200;
    await sleep(20);
  }
  return false;
}

async function beforeEachTry() {}
`,
};
