import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import type { Finding } from "../check/finding.ts";
import { DIALECT_NAMES, type Dialect } from "../target/dialect.ts";
import { resolveOptions } from "../trace/options.ts";
import { expectedTokens, resolveRequests } from "../trace/prompt.ts";
import { validateTrace } from "../trace/read.ts";
import type { Part, Trace } from "../trace/schema.ts";
import { ADAPTERS } from "../tracer/adapter.ts";
import { adapterFiles } from "../tracer/adapter-files.ts";
import { NO_PENALTIES } from "../tracer/dice.ts";
import { type ModelChoice, tracerModel } from "../tracer/manifest.ts";
import { readoutOf } from "../tracer/readout.ts";
import { DEFAULT_SHAPE, tracerShape } from "../tracer/shape.ts";
import { badToken, errToken, tokenKind } from "../tracer/vocabulary.ts";
import { exampleFinding } from "./example.ts";
import { reproMjs } from "./repro-mjs.ts";
import { reproPy } from "./repro-py.ts";
import { writeModelPy } from "./write-model-py.ts";

const PYTHON = spawnSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).status === 0;

/** Where there is no Python the law cannot be tested, which only a developer's machine may say. */
function needsPython({ skip }: TestContext): void {
  if (PYTHON) return;
  if (process.env.CI === "true") throw new Error("CI must have python3, version 3.9 or later");
  skip("there is no python3, version 3.9 or later");
}

function needs(script: string, test: TestContext): void {
  if (script === "repro.py") needsPython(test);
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crosstalk-repro-"));
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly output: string;
}

async function run(command: string, name: string, script: string, args: readonly string[]): Promise<Ended> {
  const file = join(folder, name);
  await writeFile(file, script);
  return new Promise((resolve) => {
    execFile(command, [file, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

const python = (script: string, ...args: string[]) => run("python3", "script.py", script, args);

/** The two scripts of a finding: what is said of one must hold for the other. */
const SCRIPTS = [
  { script: "repro.py", start: (finding: Finding, ...args: string[]) => python(reproPy(finding), ...args) },
  {
    script: "repro.mjs",
    start: (finding: Finding, ...args: string[]) => run(process.execPath, "repro.mjs", reproMjs(finding), args),
  },
] as const;
type Start = (typeof SCRIPTS)[number]["start"];

/** Each script in each dialect. */
const SPOKEN = SCRIPTS.flatMap((script) => DIALECT_NAMES.map((dialect) => ({ ...script, dialect })));

/** How a stand-in answers: the right answer and what was sent before it give the answer; null drops the connection, "end" ends the server, and "refuse" is an error status. */
type Answer = (
  right: number[],
  prompt: readonly number[],
  before: readonly number[],
  choice: number,
) => number[] | null | "end" | "refuse";

interface StandIn {
  readonly url: string;
  /** Connections that the client closed before the answer was complete. */
  readonly cancelled: () => number;
  /** Bodies of the completions that were asked for. */
  readonly asked: readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

interface StandInDialect {
  readonly path: string;
  readonly maxTokens: (body: Record<string, unknown>) => number;
  /**
   * The events that tell of tokens, or that all choices end and how many tokens of their prompt came from the cache. `id`
   * is the request's, `sofar` are its tokens with the new ones.
   */
  readonly tokens: (tokens: number[], id: number, sofar: number[], choice: number) => object;
  readonly end: (cached: number, id: number, all: number[], choices: number) => readonly object[];
  /** Answers the calls off the stream; `status` is for those that empty the cache. */
  readonly call: (url: string, status: number, before: readonly string[]) => { status: number; body: object };
}

const DIALECTS: Readonly<Record<Dialect, StandInDialect>> = {
  "llama-server": {
    path: "/completion",
    maxTokens: (body) => body.n_predict as number,
    tokens: (tokens, _id, _sofar, index) => ({ index, tokens, stop: false }),
    end: (cached, _id, _all, choices) =>
      Array.from({ length: choices }, (_, index) => ({ index, tokens: [], stop: true, timings: { cache_n: cached } })),
    call: (url, status) => {
      if (url === "/props") return { status: 200, body: { total_slots: 2 } };
      return { status: url.startsWith("/slots/") ? status : 404, body: {} };
    },
  },
  vllm: {
    path: "/v1/completions",
    maxTokens: (body) => body.max_tokens as number,
    tokens: (tokens, _id, _sofar, index) => ({ choices: [{ index, token_ids: tokens, finish_reason: null }] }),
    end: (cached, _id, _all, choices) => [
      ...Array.from({ length: choices }, (_, index) => ({
        choices: [{ index, token_ids: [], finish_reason: "length" }],
      })),
      { choices: [], usage: { prompt_tokens_details: { cached_tokens: cached } } },
    ],
    // Every second reset comes while blocks are held.
    call: (url, status, before) => ({
      status: url === "/reset_prefix_cache" ? status : 404,
      body: { success: before.length % 2 === 1 },
    }),
  },
  sglang: {
    path: "/generate",
    maxTokens: (body) => (body.sampling_params as { max_new_tokens: number }).max_new_tokens,
    tokens: (_, id, sofar) => sglangEvent(id, sofar, null),
    end: (cached, id, all) => [sglangEvent(id, all, { type: "length", length: all.length }, cached)],
    // Every second flush comes while a request runs.
    call: (url, status, before) => ({
      status: url !== "/flush_cache" ? 404 : before.length % 2 === 1 ? status : 400,
      body: {},
    }),
  },
};

const sglangEvent = (id: number, output_ids: number[], finish_reason: object | null, cached_tokens = 0): object => ({
  output_ids,
  meta_info: { id: `request-${id}`, finish_reason, completion_tokens: output_ids.length, cached_tokens },
});

/** vLLM's event with the log-probabilities of its tokens, each beside token 7. */
const withLogprobs = (event: object, tokens: readonly number[], rival: number): object => ({
  ...event,
  choices: [
    {
      ...(event as { choices: [object] }).choices[0],
      logprobs: {
        token_logprobs: tokens.map(() => 0),
        top_logprobs: tokens.map((token) => ({ [`token_id:${token}`]: 0, "token_id:7": rival })),
      },
    },
  ],
});

/**
 * As much of a server as the script uses. Answers longer than a request's first tokens wait for a cancel. `rival` is how
 * likely another token is, in nats, where log-probabilities are asked for.
 */
async function standIn(
  dialect: Dialect,
  answer: Answer,
  { erase = 200, cached = 0, rival = -30 } = {},
): Promise<StandIn> {
  const { path, maxTokens, tokens: eventOf, end, call } = DIALECTS[dialect];
  const calls: string[] = [];
  const bodies: Record<string, unknown>[] = [];
  let before: number[] = [];
  let cancelled = 0;
  const complete = (body: string, response: ServerResponse): void => {
    const { input, input_ids, sampling_params, ...own } = JSON.parse(body);
    const asked = {
      ...own,
      ...(input ? { prompt: input, embed: true } : {}),
      ...(input_ids ? { prompt: input_ids, ...sampling_params } : {}),
    } as {
      embed?: true;
      prompt: number[];
      id_slot?: number;
      lora?: { id: number; scale: number }[];
      lora_path?: string;
      model?: string;
      presence_penalty?: number;
      structured_outputs?: { choice: string[] };
      logprobs?: number;
      n?: number;
      n_cmpl?: number;
    };
    const named = asked.lora?.find(({ scale }) => scale === 1);
    const name = asked.model ?? asked.lora_path;
    const adapter = named ? ADAPTERS[named.id]! : (ADAPTERS.find((other) => other === name) ?? null);
    const { prompt, id_slot } = asked;
    const id = bodies.push({ ...asked });
    // Between tries the script uses each slot once.
    if (id_slot !== undefined) {
      response.end("{}");
      return;
    }
    const read = tokenKind(prompt.at(-1)!);
    const right = expectedTokens({
      prompt: Int32Array.from(prompt),
      maxTokens: asked.embed ? 1 : maxTokens(JSON.parse(body)),
      adapter,
      penalties: {
        ...NO_PENALTIES,
        presence: asked.presence_penalty ?? 0,
        ...(asked.structured_outputs ? { counts: true as const } : {}),
      },
    });
    const choices = asked.n ?? asked.n_cmpl ?? 1;
    const [tokens, ...others] = Array.from({ length: choices }, (_, choice) =>
      answer([...right], prompt, before, choice),
    ) as [ReturnType<Answer>, ...number[][]];
    before = prompt;
    if (tokens === "refuse") {
      response.writeHead(400).end(JSON.stringify({ error: { message: "Duplicate request ID" } }));
      return;
    }
    if (tokens === null || tokens === "end") {
      if (tokens === "end") server.close();
      response.destroy();
      return;
    }
    if (asked.embed) {
      const embedding = readoutOf(DEFAULT_SHAPE).vectorOf(tokens[0]!);
      response.end(JSON.stringify({ object: "list", data: [{ object: "embedding", index: 0, embedding }] }));
      return;
    }
    const event = (data: object) => response.write(`data: ${JSON.stringify(data)}\n\n`);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const arrive = (some: number[], sofar: number[]) => {
      const data = eventOf(some, id, sofar, 0);
      event(asked.logprobs === undefined ? data : withLogprobs(data, some, rival));
    };
    arrive(tokens.slice(0, 3), tokens.slice(0, 3));
    // A scan's answer is held back until its client goes away: this is how a cancel is seen to reach the server.
    if (read.kind === "scan") {
      response.on("close", () => cancelled++);
      return;
    }
    for (const [i, other] of others.entries()) event(eventOf(other, id, other, i + 1));
    arrive(tokens.slice(3), tokens);
    for (const data of end(cached, id, tokens, choices)) event(data);
    response.end();
  };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      if (request.url === path || request.url === "/v1/embeddings") {
        complete(body, response);
        return;
      }
      const answered = request.url === "/health" ? { status: 200, body: {} } : call(request.url!, erase, calls);
      calls.push(request.url!);
      response.writeHead(answered.status).end(JSON.stringify(answered.body));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cancelled: () => cancelled,
    asked: bodies,
    close: async () => {
      server.closeAllConnections();
      if (server.listening) await once(server.close(), "close");
    },
  };
}

async function reproduce(
  start: Start,
  answer: Answer,
  finding: Finding,
  how: { erase?: number; cached?: number; rival?: number } = {},
): Promise<Ended & { cancelled: number; asked: StandIn["asked"] }> {
  const server = await standIn(finding.target.dialect, answer, how);
  try {
    const ended = await start(finding, server.url, "--tries", "2");
    return { ...ended, cancelled: server.cancelled(), asked: server.asked };
  } finally {
    await server.close();
  }
}

const right: Answer = (tokens) => tokens;
/** The example's bug: from its seventeenth token on, four cells are those of the request before, at the same places. */
const foreign: Answer = (tokens, prompt, before) =>
  tokens.map((token, i) => (i >= 16 && i < 20 ? before[prompt.length - 35 + i]! : token));

describe.each(SPOKEN)("$script for $dialect", ({ script, start, dialect }) => {
  const plain = exampleFinding();
  const example: Finding = { ...plain, target: { ...plain.target, dialect } };
  const underLaw = (id: string): Finding => ({ ...example, law: { ...example.law, id } });
  const reproduceOf = (answer: Answer, finding = example, how = {}) => reproduce(start, answer, finding, how);

  it("ends with 0 on a clean server, names the tries that rests on, and its cancels reach the server", async (test) => {
    needs(script, test);
    const ended = await reproduceOf(right);
    expect(ended).toMatchObject({ code: 0, cancelled: 2 });
    expect(ended.output).toBe(
      "NOT REPRODUCED in 2 tries (the finding: 7 of 10 runs (40 % to 89 %) on 5 fresh servers)\n",
    );
  });

  it("ends with 1 on a faulty server and says whose cells were read", async (test) => {
    needs(script, test);
    const ended = await reproduceOf(foreign);
    expect(ended.code).toBe(1);
    expect(ended.output).toMatchInlineSnapshot(`
      "REPRODUCED on try 1 of 2: foreign read: a request was answered from another request's KV cells
      request r2, token 16 (finished)
        expected p9ab pba9 paa9 pbba
        observed p757 p467 p766 p477
        origin   4 tokens in a row as in B[16] of r1
      "
    `);
  });

  it("ends with 2 when no server answers", async (test) => {
    needs(script, test);
    const server = await standIn(dialect, right);
    await server.close();
    const ended = await start(example, server.url);
    expect(ended.code).toBe(2);
    expect(ended.output).toMatch(/^COULD NOT TEST: http:\/\/127\.0\.0\.1:\d+ does not answer/);
  });

  it("ends with 2 when the server holds another model", async (test) => {
    needs(script, test);
    const ended = await reproduceOf((tokens) => tokens.map(() => 5));
    expect(ended.code).toBe(2);
    expect(ended.output).toMatch(/does not hold the tracer model: a read was answered <0x02> <0x02>/);
  });

  it("takes other payloads for each try where slots cannot be erased", async (test) => {
    needs(script, test);
    const prompts = new Set<string>();
    const ended = await reproduceOf(
      (tokens, prompt) => {
        prompts.add(prompt.join());
        return tokens;
      },
      example,
      { erase: 501 },
    );
    expect(ended.code).toBe(0);
    expect(prompts.size).toBe(1 + 2 * 2);
  });

  it("counts a dropped connection as a reproduction under the law that requests settle, and under no other", async (test) => {
    needs(script, test);
    const drops: Answer = (tokens, prompt) => (prompt.length === 83 && tokens.length === 24 ? null : tokens);
    expect(await reproduceOf(drops, underLaw("settles"))).toMatchObject({ code: 1 });
    const other = await reproduceOf(drops);
    expect(other.code).toBe(2);
    expect(other.output).toMatch(/requests failed in every try/);
  });

  it("counts a refused request under the law that requests settle, but not where another one has its id", async (test) => {
    needs(script, test);
    const refuses: Answer = (tokens, prompt) => (prompt.length === 83 && tokens.length === 24 ? "refuse" : tokens);
    const settles = underLaw("settles");
    expect(await reproduceOf(refuses, settles)).toMatchObject({ code: 1 });
    const steps = settles.trace.steps.map((step) => ("send" in step ? { ...step, requestId: "id1" } : step));
    expect(await reproduceOf(refuses, { ...settles, trace: { ...settles.trace, steps } })).toMatchObject({ code: 0 });
  });

  it("counts a short answer under the law of whole answers, and under no other", async (test) => {
    needs(script, test);
    const short: Answer = (tokens) => (tokens.length === 24 ? tokens.slice(0, 20) : tokens);
    const ended = await reproduceOf(short, underLaw("same-prompt-same-output"));
    expect(ended.code).toBe(1);
    expect(ended.output).toMatch(/request r2, token 20 \(finished\)\n.*\n {2}observed the end/);
    expect(await reproduceOf(short)).toMatchObject({ code: 0 });
  });

  it("compares each vector with the one that its request gets alone", async (test) => {
    needs(script, test);
    const steps = example.trace.steps.map((step) =>
      "send" in step ? { ...step, maxTokens: 1, embed: true as const } : step,
    );
    const embedded = (law: string): Finding => ({ ...underLaw(law), trace: { ...example.trace, steps } });
    const clean = await reproduceOf(right, embedded("own-cells-only"));
    expect(clean.code).toBe(0);
    const requests = steps.filter((step) => "send" in step).length;
    expect(clean.asked.filter(({ embed }) => embed)).toHaveLength(requests * (1 + 2));
    /** Answers of the trace's requests are right when each comes first. */
    const later = (wrong: (own: number, others: number[]) => number): Answer => {
      const known = new Map<string, number>();
      return (tokens, prompt) => {
        const own = known.get(prompt.join());
        if (tokens.length > 1) return tokens;
        known.set(prompt.join(), tokens[0]!);
        return own === undefined ? tokens : [wrong(own, [...known.values()])];
      };
    };
    const another = later((own, others) => others.find((token) => token !== own)!);
    const swapped = await reproduceOf(another, embedded("own-cells-only"));
    expect(swapped.code).toBe(1);
    expect(swapped.output).toMatch(/request r2, token 0 \(finished\)/);
    const nobodys = await reproduceOf(
      later((own) => own + 1),
      embedded("settles"),
    );
    expect(nobodys.code).toBe(1);
    expect(nobodys.output).toContain("a vector that no request of the trace gets alone");
  });

  it.skipIf(dialect === "sglang")("asks for several choices, and judges each", async (test) => {
    needs(script, test);
    const steps = example.trace.steps.map((step) => ("send" in step && step.send === "r2" ? { ...step, n: 2 } : step));
    const several = (law: string): Finding => ({ ...underLaw(law), trace: { ...example.trace, steps } });
    const clean = await reproduceOf(right, several("same-prompt-same-output"));
    expect(clean.code).toBe(0);
    expect(clean.asked.filter(({ n, n_cmpl }) => (n ?? n_cmpl) === 2)).toHaveLength(2);
    const second =
      (wrong: (tokens: number[]) => number[]): Answer =>
      (tokens, _prompt, _before, choice) =>
        choice === 1 ? wrong(tokens) : tokens;
    const never = await reproduceOf(
      second(() => []),
      several("same-prompt-same-output"),
    );
    expect(never.code).toBe(1);
    expect(never.output).toMatch(/request r2, choice 1, token 0 \(finished\)\n.*\n {2}observed the end/);
    const wrong = await reproduceOf(
      second(([first, ...more]) => [first! + 1, ...more]),
      several("own-cells-only"),
    );
    expect(wrong.output).toContain("request r2, choice 1, token 0 (finished)");
  });

  it("counts a server that ends under the law that it stays up, and a failed request alone not", async (test) => {
    needs(script, test);
    const drops: Answer = (tokens, prompt) => (prompt.length === 83 && tokens.length === 24 ? null : tokens);
    const ends: Answer = (...asked) => drops(...asked) ?? "end";
    const ended = await reproduceOf(ends, underLaw("stays-up"));
    expect(ended.code).toBe(1);
    expect(ended.output).toMatch(/request r2: failed after 0 tokens/);
    const dropped = await reproduceOf(drops, underLaw("stays-up"));
    expect(dropped.code).toBe(2);
    expect(dropped.output).toMatch(/requests failed in every try/);
  });

  it("counts a hit that nobody has earned under the law of hits, and under no other", async (test) => {
    needs(script, test);
    const earned = await reproduceOf(right, underLaw("earned-hits"), { cached: 48 });
    expect(earned).toMatchObject({ code: 0 });
    const ended = await reproduceOf(right, underLaw("earned-hits"), { cached: 49 });
    expect(ended.code).toBe(1);
    expect(ended.output).toMatch(
      /request r2: 49 tokens of its prompt came from the cache; another request can have left 48/,
    );
    expect(await reproduceOf(right, example, { cached: 49 })).toMatchObject({ code: 0 });
  });

  it("says that an alarm tells the layer alone", async (test) => {
    needs(script, test);
    const ended = await reproduceOf((tokens) => (tokens.length === 24 ? tokens.map(() => errToken(2)) : tokens));
    expect(ended.code).toBe(1);
    expect(ended.output).toMatch(/observed err\.2 .*\n {2}origin {3}the alarm of layer 2: .* has not the marks of r2;/);
  });

  it("says which segments a digit that a scan saw may come from", async (test) => {
    needs(script, test);
    const scan: Finding = {
      ...example,
      trace: {
        ...example.trace,
        steps: example.trace.steps.map((s) =>
          "send" in s && s.send === "r2" ? { ...s, prompt: [{ seg: "C" }, { read: "narrow", back: 24 }] } : s,
        ),
      },
    };
    const ended = await reproduceOf((tokens) => (tokens.length === 24 ? [badToken(1, 6)] : tokens), scan);
    expect(ended.output).toMatch(
      /digit 2 of a cell that was read is 6, which no cell of r2 holds; segments that do: B$/m,
    );
  });
});

it.for(SCRIPTS)(
  "$script writes out marks, turns, finds and their answers as Crosstalk does",
  async ({ script, start }, test) => {
    needs(script, test);
    const plain = exampleFinding();
    const marked = [{ nonce: 200 }, { seg: "D" }, { read: "narrow", back: 30 }, { answer: 3 }, { branch: 9 }] as const;
    const prompts: readonly (readonly Part[])[] = [
      [...marked, { seg: "A" }, { read: "scan" }, { answer: 2 }, { read: "find", back: 41 + 7 }],
      [{ seg: "D" }, { read: "find", back: 1 }, { answer: 4 }, { read: "narrow", back: 9 }],
      [{ seg: "A" }, { seg: "E", from: 10, to: 1500 }, { read: "narrow", back: 1400 }],
      // A second lap, over the read and the answer.
      [
        { seg: "A" },
        { read: "narrow", back: 2 },
        { answer: 9 },
        { read: "dice", ladder: 1 },
        { answer: 3 },
        { read: "narrow", back: 21 },
      ],
      [{ seg: "A" }, { read: "narrow", back: 3 }],
      [{ seg: "A" }, { read: "dice", ladder: 7 }],
    ];
    const trace: Trace = validateTrace({
      ...plain.trace,
      segments: {
        A: { seed: 5, family: 21, length: 20 },
        D: { seed: 7, family: 42, length: 60, distinct: true },
        E: { seed: 8, family: 3, length: 2000 },
      },
      steps: prompts.map((prompt, i) => ({
        ...{ at: 0, send: `r${i}`, prompt, maxTokens: 9 },
        ...(i === prompts.length - 1 ? { presence: 1.75 } : {}),
      })),
    });
    const { code, asked } = await reproduce(start, right, { ...plain, trace });
    expect(code).toBe(0);
    const sent = new Set(asked.map((body) => String(body.prompt)));
    for (const { prompt } of resolveRequests(trace).values()) expect(sent).toContain(String([...prompt]));
  },
);

describe.each(SPOKEN)("$script with adapters, for $dialect", ({ script, start, dialect }) => {
  const plain = exampleFinding();
  const conversation: Part[] = [
    { seg: "A" },
    { read: "narrow", back: 20 },
    { answer: 5 },
    { seg: "C" },
    { read: "narrow", back: 40 },
    { answer: 9 },
    { read: "scan" },
    { answer: 2 },
    { read: "narrow", back: 30 },
  ];
  const narrow: Part[] = [{ seg: "A" }, { seg: "D" }, { read: "narrow", back: 70 }];
  const trace: Trace = validateTrace({
    ...plain.trace,
    segments: {
      A: { seed: 5, family: 21, length: 20 },
      C: { seed: 6, family: 3, length: 20 },
      D: { seed: 7, family: 42, length: 60, distinct: true },
    },
    steps: [
      ...ADAPTERS.map((adapter) => ({ at: 0, send: adapter, prompt: conversation, maxTokens: 4, adapter })),
      { at: 0, send: "found", prompt: [{ seg: "D" }, { read: "find", back: 9 }], maxTokens: 4, adapter: "a3" },
      { at: 0, send: "based", prompt: conversation, maxTokens: 4, adapter: "base" },
      { at: 0, send: "r2", prompt: narrow, maxTokens: 24, adapter: "a4" },
    ],
  });
  const finding: Finding = { ...plain, trace, target: { ...plain.target, dialect } };

  it("asks and expects what Crosstalk does, and names the adapter to the server", async (test) => {
    needs(script, test);
    const { code, output, asked } = await reproduce(start, right, finding);
    expect([code, output]).toEqual([0, expect.stringContaining("NOT REPRODUCED in 2 tries")]);
    const sent = new Set(asked.map((body) => String(body.prompt)));
    for (const { prompt } of resolveRequests(trace).values()) expect(sent).toContain(String([...prompt]));
    const bodies = asked.map(({ lora, model, lora_path }) => JSON.stringify(lora ?? model ?? lora_path ?? null));
    // Only llama-server can be told to use none.
    expect(new Set(bodies).size).toBe(ADAPTERS.length + (dialect === "llama-server" ? 2 : 1));
  });

  it("ends with 1 where the base model answers for an adapter", async (test) => {
    needs(script, test);
    const base: Answer = (tokens, prompt) => (tokens.length === 24 ? [...prompt.slice(10, 34)] : tokens);
    expect(await reproduce(start, base, finding)).toMatchObject({
      code: 1,
      output: expect.stringContaining("request r2"),
    });
  });
});

describe.each(SCRIPTS)("$script with options of requests", ({ script, start }) => {
  const plain = exampleFinding();
  const steps = plain.trace.steps.map((s) =>
    "send" in s && s.send === "r2" ? { ...s, seed: 7, logprobs: 2, allow: true as const, salt: "s1", cache: false } : s,
  );
  const finding: Finding = {
    ...plain,
    trace: { ...plain.trace, steps },
    target: { ...plain.target, dialect: "vllm" },
  };

  it("sends them, and asks for a salt of its own where the cache is off", async (test) => {
    needs(script, test);
    const { code, asked } = await reproduce(start, right, finding);
    expect(code).toBe(0);
    const body = asked.find((b) => b.seed === 7)!;
    const { prompt } = resolveRequests(finding.trace).get("r2")!;
    expect(body).toMatchObject({ prompt: [...prompt], temperature: 0.5, logprobs: 2 });
    expect(body.allowed_token_ids).toEqual([...resolveOptions(finding.trace).get("r2")!.allow!]);
    expect(body.cache_salt).toMatch(/^[0-9a-f]{32}$/);
    expect(asked.filter((b) => b.allowed_token_ids !== undefined)).toHaveLength(2);
  });

  it("sends a grammar, under which dice count", async (test) => {
    needs(script, test);
    const dice: Part[] = [{ seg: "A" }, { read: "dice", ladder: 2 }];
    const counting = plain.trace.steps.map((s) =>
      "send" in s && s.send === "r2" ? { ...s, prompt: dice, maxTokens: 3, grammar: true as const } : s,
    );
    const held: Finding = { ...finding, trace: { ...finding.trace, steps: counting } };
    const { code, asked } = await reproduce(start, right, held);
    expect(code).toBe(0);
    const [own] = asked.flatMap((b) => (b.structured_outputs as { choice?: string[] } | undefined)?.choice ?? []);
    expect(own).toBe("rung.2.0rung.2.1rung.2.2");
  });

  it("looks at log-probabilities where these are what broke", async (test) => {
    needs(script, test);
    const broken: Finding = { ...finding, law: { ...finding.law, id: "own-logprobs" } };
    expect((await reproduce(start, right, broken)).code).toBe(0);
    const ended = await reproduce(start, right, broken, { rival: -0.25 });
    expect(ended.code).toBe(1);
    expect(ended.output).toContain(
      "request r2, token 0 (finished) is right, and came with log-probabilities that are not",
    );
    // Of another law they are no failure.
    expect((await reproduce(start, right, finding, { rival: -0.25 })).code).toBe(0);
  });

  it("ends with 2 where the cache cannot be emptied, because they name tokens", async (test) => {
    needs(script, test);
    const ended = await reproduce(start, right, finding, { erase: 404 });
    expect(ended).toMatchObject({ code: 2, output: expect.stringContaining("VLLM_SERVER_DEV_MODE=1") });
  });
});

it.for<ModelChoice["format"]>(["gguf", "hf"])("write_model.py writes the adapters too: %s", async (format, test) => {
  needsPython(test);
  const choice: ModelChoice = { shape: DEFAULT_SHAPE, format, dtype: "bf16" };
  const ended = await python(
    `import os\nos.chdir(${JSON.stringify(folder)})\n${writeModelPy(choice, true)}`,
    `with-adapters-${format}`,
  );
  expect(ended).toMatchObject({ code: 0 });
  for (const [path, pieces] of adapterFiles(choice))
    expect((await readFile(join(folder, path))).equals(Buffer.concat(pieces))).toBe(true);
});

describe("write_model.py", () => {
  const deep = tracerShape({ readLayers: 5, kvHeads: 2, drag: 32 });
  const wide = tracerShape({ kvHeads: 8, headSize: 64 });
  it.for<ModelChoice>([
    { shape: DEFAULT_SHAPE, format: "gguf", dtype: "f32" },
    { shape: deep, format: "gguf", dtype: "f32" },
    { shape: wide, format: "gguf", dtype: "f16" },
    { shape: DEFAULT_SHAPE, format: "gguf", dtype: "bf16" },
    { shape: DEFAULT_SHAPE, format: "hf", dtype: "f32" },
    { shape: deep, format: "hf", dtype: "bf16" },
    { shape: wide, format: "hf", dtype: "f16" },
    { shape: tracerShape({ window: 100 }), format: "hf", dtype: "f32" },
    { shape: tracerShape({ latent: 512, queryHeads: 8 }), format: "hf", dtype: "bf16" },
    { shape: tracerShape({ latent: 512 }), format: "gguf", dtype: "f32" },
    { shape: tracerShape({ latent: 512, readLayers: 25 }), format: "gguf", dtype: "f16" },
    { shape: tracerShape({ experts: 8 }), format: "gguf", dtype: "bf16" },
    { shape: tracerShape({ experts: 5, kvHeads: 4 }), format: "hf", dtype: "f32" },
  ])("writes the same bytes as Crosstalk: $format, $dtype, $shape", async (choice, test) => {
    needsPython(test);
    const place = join(folder, `written-${choice.format}`);
    const ended = await python(writeModelPy(choice), place);
    expect(ended).toMatchObject({ code: 0 });
    const { files } = tracerModel(choice).manifest;
    for (const { path, sha256 } of files) {
      const bytes = await readFile(choice.format === "hf" ? join(place, path) : place);
      expect([path, createHash("sha256").update(bytes).digest("hex")]).toEqual([path, sha256]);
    }
    if (choice.format === "hf") expect((await readdir(place)).sort()).toEqual(files.map(({ path }) => path));
  });
});
