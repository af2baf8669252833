import { farDistance, nearDistance } from "../tracer/read-tokens.ts";
import { FIRST, NEAR_STEPS, RUNGS } from "../tracer/vocabulary.ts";

/** The part of `repro.mjs` that is the same for every finding. Node 20 or later, standard library only. */

export const REPRO_BODY = String.raw`
// ---- The model's tokens ----------------------------------------------------------------------------------------

const FIRST = ${JSON.stringify(FIRST)};
// How far one step of each of a distance's two tokens goes, in cells.
const NEAR = ${nearDistance(1)};
const FAR = ${farDistance(1)};

/** A run of payload tokens. A token is three digits, base 16; the family fixes the upper two bits of each digit. */
function payload([seed, family, length, distinct = false]) {
  let state = seed | 0;
  const random = (count) => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return Math.floor((((z ^ (z >>> 14)) >>> 0) * count) / 2 ** 32);
  };
  const pairs = Array.from({ length: 225 }, (_, i) => i);
  return Array.from({ length }, (_, i) => {
    let value = 0;
    if (distinct) {
      const pick = i + random(225 - i);
      [pairs[i], pairs[pick]] = [pairs[pick], pairs[i]];
      value = (1 + Math.floor(pairs[i] / 15)) * 16 + 1 + (pairs[i] % 15);
    }
    for (const shift of distinct ? [0] : [4, 2, 0])
      value = value * 16 + Math.max(1, 4 * ((family >> shift) & 3) + random(4));
    return FIRST.payload + value;
  });
}

function name(token) {
  const kinds = Object.keys(FIRST).filter((k) => FIRST[k] <= token);
  const kind = kinds.reduce((a, b) => (FIRST[b] > FIRST[a] ? b : a));
  const value = token - FIRST[kind];
  const hex = (digits) => value.toString(16).padStart(digits, "0");
  if (kind === "payload") return "p" + hex(3);
  if (kind === "bad") return "bad." + ((value >> 4) + 1) + "." + (value & 15).toString(16);
  if (kind === "rung") return "rung." + Math.floor(value / ${RUNGS}) + "." + (value % ${RUNGS});
  if (kind === "byte") return "<0x" + hex(2).toUpperCase() + ">";
  if (kind === "special") return ["<unk>", "<s>", "</s>"][value];
  const digits = { scan: 3, find: 2, nonce: 2, branch: 1 }[kind];
  return kind + "." + (digits ? hex(digits) : value);
}

const names = (tokens) => tokens.map(name).join(" ");
const isPayload = (token) => FIRST.payload <= token && token < FIRST.far;
const digitsOf = (token) => [8, 4, 0].map((shift) => ((token - FIRST.payload) >> shift) & 15);

/** A request of the trace: what it asks, what the answer must be, and what came back. */
class Request {
  constructor(step, segments) {
    this.id = step.send;
    this.maxTokens = step.max_tokens;
    this.cache = step.cache ?? true;
    this.options = step.options ?? {};
    this.moves = step.moves ?? [0, 0, 0];
    this.walk = step.walk;
    this.mostCached = step.most_cached ?? 0;
    this.embed = step.embed ?? false;
    this.vector = null;
    this.prompt = [];
    this.places = [];
    this.allowed = 0;
    this.turn = 0;
    for (const piece of step.prompt) this.append(piece, segments);
    this.expected = this.answer(this.maxTokens);
    this.choices = Array.from({ length: step.n ?? 1 }, () => []);
    this.strange = this.choices.map(() => []);
    this.ended = 0;
    this.cached = null;
    this.state = "open";
    this.error = null;
    this.cancelAfter = Infinity;
    this.settled = new Promise((resolve) => {
      this.hasSettled = resolve;
    });
  }

  append([kind, ...numbers], segments) {
    if (numbers.length === 2) {
      const [start, stop] = numbers;
      const [, family, , distinct] = segments[kind];
      [4, 2, 0].forEach((shift, digit) => {
        const group = 1 << (((family >> shift) + this.moves[digit]) & 3);
        this.allowed |= (distinct && digit < 2 ? 15 : group) << (4 * digit);
      });
      while (this.places.length < this.prompt.length) this.places.push("?");
      this.prompt.push(...payload(segments[kind]).slice(start, stop));
      for (let i = start; i < stop; i++) this.places.push(kind + "[" + i + "]");
    } else if (kind === "nonce" || kind === "branch") {
      this.prompt.push(FIRST[kind] + numbers[0]);
    } else if (kind === "answer") {
      const answer = this.answer(numbers[0]);
      this.prompt.push(...answer);
      for (const token of answer.map((cell) => this.stored(cell)).filter(isPayload))
        digitsOf(token).forEach((value, digit) => {
          if (value > 0) this.allowed |= 1 << ((value >> 2) + 4 * digit);
        });
    } else {
      this.read(kind, numbers[0] ?? 0);
    }
  }

  /** Appends a read's tokens, and notes what it asks: cells, or the one token of all answers. */
  read(kind, back) {
    if (kind === "scan" || kind === "dice") {
      const value = kind === "scan" ? this.allowed : back;
      this.asked = kind === "scan" ? FIRST.scan + value : FIRST.rung + ${RUNGS} * value;
      this.prompt.push(FIRST[kind] + value);
      return;
    }
    const first = this.prompt.length - back;
    this.asked = kind === "narrow" ? this.prompt.slice(first) : this.prompt[first];
    const turn = FIRST.turn + this.turn++;
    if (kind === "find") {
      this.prompt.push(turn, FIRST.find + ((this.asked - FIRST.payload) >> 4));
    } else { // the distance from the read's last token, spelled twice
      const far = Math.round((back + 2) / FAR);
      const near = Math.round((back + 2 + 1 / 16) / NEAR) % ${NEAR_STEPS};
      this.prompt.push(FIRST.far + far, turn, FIRST.near + near);
    }
  }

  /** The only right answer to the read that the prompt ends with; a cell without payload reads as digits 0, 0, 0. */
  answer(length) {
    if (!Array.isArray(this.asked)) {
      const token = this.stored(this.asked);
      return (this.walk ?? Array(length).fill(0)).map((rung) => token + rung);
    }
    const cells = [...this.asked, 0, 0, 0]; // the read's own, and then the answer's
    for (let i = 0; i < length; i++) cells.push(isPayload(cells[i]) ? this.stored(cells[i]) : FIRST.payload);
    return cells.slice(cells.length - length);
  }

  /** The token that a cell of this request shows: its adapter moves digits. Digit 0 stands for none, and stays. */
  stored(token) {
    if (!isPayload(token)) return token;
    const [x, y, z] = digitsOf(token).map((d, i) => d && Math.max(1, (d + 4 * this.moves[i]) & 15));
    return FIRST.payload + 256 * x + 16 * y + z;
  }

  /** Ends when the request is written, or has failed. */
  send() {
    this.sent = performance.now();
    const make = this.embed ? embedding : completion;
    const body = make(this.prompt, this.maxTokens, this.cache, this.options);
    this.call = connect("POST", this.embed ? EMBEDDINGS : COMPLETION, DEADLINE);
    this.call.on("error", (error) => this.settle("failed", textOf(error))); // after a cancel this changes nothing
    this.call.on("close", () => this.settle("failed", "the connection closed"));
    this.call.on("response", (response) => this.receive(response));
    return new Promise((resolve) => {
      this.call.once("close", resolve);
      this.call.end(JSON.stringify(body), resolve);
    });
  }

  receive(response) {
    const ok = response.statusCode === 200;
    let text = "";
    response.setEncoding("utf8");
    response.on("error", (error) => this.settle("failed", textOf(error)));
    response.on("data", (chunk) => {
      text += chunk;
      if (!ok || this.embed) return;
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines) if (line.startsWith("data: {")) this.receiveEvent(line.slice(6));
    });
    response.on("end", () => {
      if (ok && this.embed) this.receiveVector(text);
      this.settle("failed", ok ? "the stream ended early" : "HTTP " + response.statusCode + ": " + text.slice(0, 300));
    });
  }

  receiveEvent(line) {
    if (this.state !== "open") return;
    let event;
    try {
      event = JSON.parse(line);
    } catch (error) {
      this.settle("failed", textOf(error));
      return;
    }
    if ("error" in event) {
      this.settle("failed", JSON.stringify(event.error));
      return;
    }
    const [tokens, cached, ended, choice] = readEvent(event, this.received());
    if (choice >= this.choices.length) {
      this.settle("failed", "choice " + choice + " was not asked for");
      return;
    }
    this.choices[choice].push(...tokens);
    this.cached = cached;
    if (LAW === "own log-probabilities") this.strange[choice].push(...strangeLogprobs(event));
    this.ended += ended;
    if (this.ended >= this.choices.length) this.settle("finished");
    else if (this.received() >= this.cancelAfter) this.cancel();
  }

  /** The answer of whoever gets this vector alone, which is not told before it is known. */
  receiveVector(text) {
    if (this.state !== "open") return;
    try {
      this.vector = JSON.parse(text).data[0].embedding;
      const others = [...ALONE.values()];
      const alone = [ALONE.get(this.id), ...others].filter((r) => r && alike(this.vector, r.vector));
      if (others.length > 0 && alone.length === 0)
        throw new Error("a vector that no request of the trace gets alone");
      this.choices = [alone[0]?.expected ?? []];
      this.settle("finished");
    } catch (error) {
      this.settle("failed", textOf(error));
    }
  }

  received() {
    return this.choices.reduce((sum, tokens) => sum + tokens.length, 0);
  }

  cancel() {
    this.settle("cancelled");
  }

  cancelAfterTokens(count) {
    this.cancelAfter = count;
    if (this.received() >= count) this.cancel();
  }

  /** The connection goes with it: this is how the server sees that the client went away. */
  settle(state, error = null) {
    if (this.state !== "open") return;
    this.state = state;
    this.error = error;
    this.call.destroy();
    this.hasSettled();
  }
}

// ---- Embeddings ------------------------------------------------------------------------------------------------

const EMBEDDINGS = "/v1/embeddings";
/** Each embeddings request of the trace as it is answered when the server has nothing else to do. */
const ALONE = new Map();

function embedding(input, _, cache, options) {
  const alone = cache ? {} : { cache_prompt: false, cache_salt: "alone " + Math.random() };
  return { input, encoding_format: "float", ...options, ...alone };
}

/** Vectors of different answers are ten times as far apart in one of their numbers, those of one answer hardly. */
const alike = (one, other) => one.length === other.length && one.every((x, i) => Math.abs(x - other[i]) < 1 / 1024);

/** The vectors that requests of the trace get one by one, with nothing in the cache. */
async function embedAlone() {
  const alone = new Map();
  for (const step of STEPS.filter((s) => s.embed)) {
    await emptyCache();
    const request = new Request(step, SEGMENTS);
    alone.set(step.send, request);
    await request.send();
    await settledWithin(request, DEADLINE);
    if (request.vector === null) throw new Error(ARGS.url + " cannot embed: " + (request.error ?? "no answer"));
  }
  for (const [id, request] of alone) ALONE.set(id, request);
}

// ---- Running the trace -----------------------------------------------------------------------------------------

const textOf = (error) => error.message || error.code || String(error);

/** A request on a connection of its own, not sent yet. Gives up after so many milliseconds of silence. */
function connect(method, path, timeout) {
  const { request } = BASE.startsWith("https:") ? https : http;
  const headers = { "Content-Type": "application/json", Connection: "close" };
  const call = request(BASE + path, { method, headers, timeout, agent: false });
  return call.on("timeout", () => call.destroy(new Error("timed out")));
}

/** Status and body of a plain call. */
function call(method, path, body, timeout = 30_000) {
  return new Promise((resolve, reject) => {
    const request = connect(method, path, timeout);
    request.on("error", reject);
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => resolve([response.statusCode, text]));
    });
    request.end(body && JSON.stringify(body));
  });
}

/** Waits with a timer, and by turns of the event loop in the last milliseconds: a timer alone is late by one. */
async function until(due) {
  if (due - performance.now() > 2) await sleep(due - performance.now() - 1);
  while (performance.now() < due) await turn();
}

/** Waits for the request to settle, but no longer than the milliseconds. */
async function settledWithin(request, milliseconds) {
  let timer;
  const over = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([request.settled, over]);
  clearTimeout(timer);
}

/** Stops and continues the server by turns, until the time is over or every request has settled. */
async function throttle(share, forMs, requests) {
  const end = performance.now() + (forMs ?? DEADLINE);
  while (performance.now() < end && [...requests.values()].some((r) => r.state === "open")) {
    process.kill(PID, "SIGSTOP");
    await sleep(20 * (1 - share));
    process.kill(PID, "SIGCONT");
    await sleep(20 * share);
  }
}

/** Fires each step at its time. A wait that ends late pushes all later steps back. */
async function runTrace(segments) {
  const requests = new Map(STEPS.filter((s) => "send" in s).map((s) => [s.send, new Request(s, segments)]));
  const later = [];
  // The server may be gone when its time comes.
  const meanwhile = (work) => later.push(work.catch((error) => console.error(textOf(error))));
  let start = performance.now();
  for (const step of STEPS) {
    const due = start + step.at;
    await until(due);
    if ("send" in step) {
      await requests.get(step.send).send();
    } else if ("cancel" in step) {
      const request = requests.get(step.cancel);
      if ("after_tokens" in step) request.cancelAfterTokens(step.after_tokens);
      else if ("after_ms" in step)
        meanwhile(until(Math.max(due, request.sent + step.after_ms)).then(() => request.cancel()));
      else request.cancel();
    } else if ("wait" in step) {
      await settledWithin(requests.get(step.wait), DEADLINE);
    } else if ("flush" in step) {
      await emptyCache();
    } else if (step.fault === "kill") {
      process.kill(PID, "SIGKILL");
    } else if (step.fault === "throttle") {
      meanwhile(throttle(step.share, step.for_ms, requests));
    } else {
      process.kill(PID, "SIGSTOP");
      if ("for_ms" in step) meanwhile(sleep(step.for_ms).then(() => process.kill(PID, "SIGCONT")));
    }
    if ("wait" in step || "flush" in step) start += Math.max(0, performance.now() - due);
  }
  const end = performance.now() + DEADLINE;
  for (const request of requests.values()) await settledWithin(request, Math.max(0, end - performance.now()));
  await Promise.all(later);
  return requests;
}

// ---- Judging it ------------------------------------------------------------------------------------------------

/** Index of the first token that the prompt does not determine; -1 if there is none as far as the answer goes. */
function wrongIndex({ asked, choices, expected, state, strange }, choice) {
  const tokens = choices[choice];
  const index = tokens.findIndex((token, i) => i < expected.length && token !== expected[i]);
  if (index === -1 && LAW === "whole answers" && state === "finished" && tokens.length !== expected.length)
    return Math.min(tokens.length, expected.length);
  if (LAW === "own log-probabilities") {
    if (!Array.isArray(asked) && asked >= FIRST.rung) return -1; // dice: the rungs of a ladder are near each other
    return strange[choice].slice(0, index === -1 ? tokens.length : index).indexOf(true);
  }
  return index;
}

/** Whose segment the wrong tokens come from, as far as they tell. */
function owner(request, tokens, index, requests) {
  const observed = tokens.slice(index);
  if (FIRST.bad <= observed[0] && observed[0] < FIRST.err) return ownersOfDigit(request, observed[0], requests);
  if (observed[0] >= FIRST.rung) return "no cell: another rung than the request's own sampling parameters lead to";
  if (observed[0] >= FIRST.err)
    return "the alarm of layer " + (observed[0] - FIRST.err) + ": a key of the context has not the marks of " +
      request.id + "; whose it is, an alarm does not tell";
  let best = 0;
  let where = [];
  for (const other of requests.values()) {
    other.places.forEach((place, position) => {
      let length = 0;
      while (index + length < request.expected.length && length < observed.length
        && observed[length] !== request.expected[index + length]
        && position + length < other.places.length
        && other.stored(other.prompt[position + length]) === observed[length]) length++;
      if (length > best) [best, where] = [length, []];
      if (length > 0 && length === best) where.push(place + " of " + other.id);
    });
  }
  if (where.length === 0) return "no request of this trace holds such a cell";
  return best + " token" + (best === 1 ? "" : "s") + " in a row as in " + where.slice(0, 4).join(" or ");
}

/** Which segments hold the digit that a scan or another read saw and must not have seen. */
function ownersOfDigit(request, token, requests) {
  const digit = (token - FIRST.bad) >> 4;
  const value = (token - FIRST.bad) & 15;
  const { prompt } = STEPS.find((s) => s.send === request.id);
  const held = new Set(prompt.slice(0, -1).map(([kind]) => kind));
  const group = (family, move = 0) => ((family >> (4 - 2 * digit)) + move) & 3;
  const found = Object.entries(SEGMENTS)
    .filter(([s, [, family, , distinct]]) => !held.has(s) && ((distinct && digit < 2) || group(family) === value >> 2))
    .map(([s]) => s);
  const moved = [...requests.values()].filter((r) => String(r.moves) !== String(request.moves));
  moved.sort((a, b) => a.moves[digit] - b.moves[digit] || (a.id < b.id ? -1 : 1));
  for (const [s, [, family]] of Object.entries(SEGMENTS).filter(([s]) => held.has(s)))
    for (const r of moved)
      if (group(family, r.moves[digit]) === value >> 2) found.push(s + " as the adapter of " + r.id + " stores it");
  return "digit " + (digit + 1) + " of a cell that was read is " + value.toString(16) + ", which no cell of " +
    request.id + " holds; segments that do: " + (found.join(", ") || "none of this trace");
}

function describe(request, choice, index, requests) {
  const tokens = request.choices[choice];
  const label = "request " + request.id + (choice > 0 ? ", choice " + choice : "");
  if (index === null && LAW === "earned hits")
    return "request " + request.id + ": " + request.cached + " tokens of its prompt came from the cache; " +
      "another request can have left " + request.mostCached;
  if (index === null)
    return label + ": " + (request.state === "failed" ? "failed" : "still open") + " after " +
      tokens.length + " tokens: " + request.error;
  if (LAW === "own log-probabilities")
    return label + ", token " + index + " (" + request.state + ") is right, " +
      "and came with log-probabilities that are not its own";
  const observed = tokens.slice(index, index + 4);
  return [
    label + ", token " + index + " (" + request.state + ")",
    "  expected " + (names(request.expected.slice(index, index + 4)) || "the end"),
    "  observed " + (names(observed) || "the end"),
    "  origin   " + (observed.length > 0 ? owner(request, tokens, index, requests) : "-"),
  ].join("\n");
}

/** A server that has lost its engine says so, and ends in a moment. */
async function serverIsGone() {
  for (let i = 0; i < 100; i++) {
    try {
      const [status] = await call("GET", "/health", undefined, 5000);
      if (status === 200) return false;
    } catch {
      return true;
    }
    await sleep(100);
  }
  return false;
}

/** The first choice that has not all its tokens. */
const shortChoice = ({ choices, maxTokens }) => Math.max(0, choices.findIndex(({ length }) => length < maxTokens));

/** The id that the trace gives a request; undefined for none. */
const idOf = ({ options }) => options.rid ?? options.request_id;

/** Whether the server would not take a request whose id another one has: it may. */
function refused(request, all) {
  const { error, state } = request;
  if (idOf(request) === undefined || state !== "failed" || request.received() > 0) return false;
  const named = all.some((r) => r !== request && idOf(r) === idOf(request));
  return named && (error.startsWith("HTTP 4") || error.includes("uplicate"));
}

/** Requests that break the law, each with a choice and the index of its first wrong token, null for no token. */
async function violations(requests) {
  const all = [...requests.values()];
  const unsettled = all
    .filter((r) => r.state === "open" || (r.state === "failed" && !refused(r, all)))
    .map((r) => [r, shortChoice(r), null]);
  if (LAW === "settles") return unsettled;
  if (LAW === "stays up") return unsettled.length > 0 && (await serverIsGone()) ? unsettled : [];
  if (LAW === "earned hits") return all.filter((r) => (r.cached ?? 0) > r.mostCached).map((r) => [r, 0, null]);
  const found = all.flatMap((r) => r.choices.map((_, choice) => [r, choice, wrongIndex(r, choice)]));
  return found.filter(([, , index]) => index !== -1);
}

/** Whether the cache can be emptied. Throws where no server answers, or one without the tracer model. */
async function meet() {
  const answered = async (work) => {
    try {
      return await work();
    } catch (error) {
      throw new Error(ARGS.url + " does not answer: " + textOf(error));
    }
  };
  await answered(meetServer);
  // A read of cells that only this model answers, without the cache. Three tries: the bug itself may spoil one.
  let probe;
  for (let attempt = 0; attempt < 3; attempt++) {
    const read = { send: "probe", prompt: [["P", 0, 24], ["narrow", 24]], max_tokens: 12, cache: false };
    probe = new Request(read, { P: [900000001 + attempt, 27, 24] });
    await probe.send();
    await settledWithin(probe, DEADLINE);
    if (probe.state === "finished" && String(probe.choices[0]) === String(probe.expected)) return answered(emptyCache);
  }
  const why = probe.error ?? "a read was answered " + names(probe.choices[0].slice(0, 6));
  throw new Error(ARGS.url + " does not hold the tracer model: " + why + ". Start it as the first lines of this file say.");
}

/** The exit code. Throws where it could not test. */
async function main() {
  const empties = await meet();
  if (STEPS.some((s) => "flush" in s) && !empties) throw new Error("the trace empties the cache: " + TO_EMPTY_THE_CACHE);
  if (STEPS.some((s) => "options" in s) && !empties)
    throw new Error("the trace names tokens, so that each try needs the same ones: " + TO_EMPTY_THE_CACHE);
  if (STEPS.some((s) => "fault" in s) && !PID)
    throw new Error("the trace pauses, slows or kills the server: give its process id with --pid");
  await embedAlone();
  let judged = 0;
  let requests;
  for (let number = 1; number <= tries; number++) {
    try {
      // Tries must not find each other's cells: the cache is emptied or, failing that, the payloads are new.
      await beforeEachTry();
      const shift = (await emptyCache()) || number === 1 ? 0 : number * 1000003;
      const shifted = Object.entries(SEGMENTS).map(([s, [seed, ...rest]]) => [s, [(seed + shift) % 2 ** 32, ...rest]]);
      requests = await runTrace(Object.fromEntries(shifted));
    } catch (error) {
      throw new Error("try " + number + " broke off: " + textOf(error));
    }
    const found = await violations(requests);
    if (found.length > 0) {
      console.log("REPRODUCED on try " + number + " of " + tries + ": " + ANOMALY);
      for (const [request, choice, index] of found) console.log(describe(request, choice, index, requests));
      return 1;
    }
    const all = [...requests.values()];
    const settled = all.every((r) => r.state === "finished" || r.state === "cancelled" || refused(r, all));
    if (LAW === "settles" || settled) judged++;
  }
  if (judged === 0) {
    const errors = [...requests.values()].filter((r) => r.error).map((r) => [r.id, r.error]);
    throw new Error("requests failed in every try: " + JSON.stringify(Object.fromEntries(errors)));
  }
  console.log("NOT REPRODUCED in " + judged + " tries (the finding: " + RATE + ")");
  return 0;
}

const USAGE = "usage: node repro.mjs URL [--tries N] [--deadline SECONDS] [--pid PID]\n" +
  "  URL         the server, as http://127.0.0.1:8080\n" +
  "  --tries     how often to run the trace (default " + TRIES + ")\n" +
  "  --deadline  seconds after which a request hangs (default 60)\n" +
  "  --pid       the server's process, for traces that pause or kill it";

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tries: { type: "string", default: String(TRIES) },
      deadline: { type: "string", default: "60" },
      pid: { type: "string", default: "0" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { help, ...numbers } = values;
  if (help) {
    console.log(USAGE);
    process.exit(0);
  }
  if (positionals.length !== 1) throw new Error("one URL is needed");
  const [url] = positionals;
  const base = url.includes("//") ? url : "http://" + url;
  if (!URL.canParse(base)) throw new Error(url + " is no URL");
  for (const [option, text] of Object.entries(numbers))
    if (!(Number(text) >= 0)) throw new Error("--" + option + " takes a number");
  return { url, base, tries: Number(values.tries), deadline: Number(values.deadline), pid: Number(values.pid) };
}

let ARGS;
try {
  ARGS = readArguments();
} catch (error) {
  console.error(USAGE + "\n\n" + error.message);
  process.exit(2);
}
const { tries, pid: PID } = ARGS;
const BASE = ARGS.base.replace(/\/+$/, "");
const DEADLINE = ARGS.deadline * 1000;
try {
  process.exitCode = await main();
} catch (error) {
  console.log("COULD NOT TEST: " + textOf(error));
  process.exitCode = 2;
}
// A request that still hangs does not keep the script.
process.stdout.write("", () => process.exit());
`;
