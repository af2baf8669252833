import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import type { Finding } from "../check/finding.ts";
import { expectedTokens } from "../trace/prompt.ts";
import { tracerModel } from "../tracer/manifest.ts";
import { DEFAULT_SHAPE, tracerShape } from "../tracer/shape.ts";
import { badToken, tokenKind } from "../tracer/vocabulary.ts";
import { exampleFinding } from "./example.ts";
import { reproPy } from "./repro-py.ts";
import { writeModelPy } from "./write-model-py.ts";

const PYTHON = spawnSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).status === 0;

/** Where there is no Python the law cannot be tested, which only a developer's machine may say. */
function needsPython({ skip }: TestContext): void {
  if (PYTHON) return;
  if (process.env.CI === "true") throw new Error("CI must have python3, version 3.9 or later");
  skip("there is no python3, version 3.9 or later");
}

const example = exampleFinding();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crosstalk-repro-"));
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly output: string;
}

async function python(script: string, ...args: string[]): Promise<Ended> {
  const file = join(folder, "script.py");
  await writeFile(file, script);
  return new Promise((resolve) => {
    execFile("python3", [file, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

/** How a stand-in answers: the right answer and what was sent before it give the answer; null drops the connection. */
type Answer = (right: number[], prompt: readonly number[], before: readonly number[]) => number[] | null;

interface StandIn {
  readonly url: string;
  /** Connections that the client closed before the answer was complete. */
  readonly cancelled: () => number;
  close(): Promise<void>;
}

/** As much of llama-server as the script uses. Answers longer than a request's first tokens wait for a cancel. */
async function standIn(answer: Answer, erase = 200): Promise<StandIn> {
  let before: number[] = [];
  let cancelled = 0;
  const complete = (body: string, response: ServerResponse): void => {
    const { prompt, n_predict, id_slot } = JSON.parse(body) as {
      prompt: number[];
      n_predict: number;
      id_slot?: number;
    };
    // Between tries the script uses each slot once.
    if (id_slot !== undefined) {
      response.end("{}");
      return;
    }
    const read = tokenKind(prompt.at(-1)!);
    const right = expectedTokens({ prompt: Int32Array.from(prompt), maxTokens: n_predict });
    const tokens = answer([...right], prompt, before);
    before = prompt;
    if (tokens === null) {
      response.destroy();
      return;
    }
    const event = (data: object) => response.write(`data: ${JSON.stringify(data)}\n\n`);
    response.writeHead(200, { "content-type": "text/event-stream" });
    event({ tokens: tokens.slice(0, 3), stop: false });
    // A scan's answer is held back until its client goes away: this is how a cancel is seen to reach the server.
    if (read.kind === "scan") {
      response.on("close", () => cancelled++);
      return;
    }
    event({ tokens: tokens.slice(3), stop: false });
    response.end(`data: ${JSON.stringify({ tokens: [], stop: true })}\n\n`);
  };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      if (request.url === "/props") response.end(JSON.stringify({ total_slots: 2 }));
      else if (request.url?.startsWith("/slots/")) response.writeHead(erase).end("{}");
      else if (request.url === "/completion") complete(body, response);
      else response.writeHead(404).end();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cancelled: () => cancelled,
    close: async () => {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
}

async function reproduce(
  answer: Answer,
  finding: Finding = example,
  erase = 200,
): Promise<Ended & { cancelled: number }> {
  const server = await standIn(answer, erase);
  try {
    const ended = await python(reproPy(finding), server.url, "--tries", "2");
    return { ...ended, cancelled: server.cancelled() };
  } finally {
    await server.close();
  }
}

const right: Answer = (tokens) => tokens;
/** The example's bug: from its seventeenth token on, four cells are those of the request before, at the same places. */
const foreign: Answer = (tokens, prompt, before) =>
  tokens.map((token, i) => (i >= 16 && i < 20 ? before[prompt.length - 35 + i]! : token));
const underLaw = (id: string): Finding => ({ ...example, law: { ...example.law, id } });

describe("repro.py", () => {
  it("ends with 0 on a clean server, names the tries that rests on, and its cancels reach the server", async (test) => {
    needsPython(test);
    const ended = await reproduce(right);
    expect(ended).toMatchObject({ code: 0, cancelled: 2 });
    expect(ended.output).toBe(
      "NOT REPRODUCED in 2 tries (the finding: 7 of 10 runs (40 % to 89 %) on 5 fresh servers)\n",
    );
  });

  it("ends with 1 on a faulty server and says whose cells were read", async (test) => {
    needsPython(test);
    const ended = await reproduce(foreign);
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
    needsPython(test);
    const server = await standIn(right);
    await server.close();
    const ended = await python(reproPy(example), server.url);
    expect(ended.code).toBe(2);
    expect(ended.output).toMatch(/^COULD NOT TEST: http:\/\/127\.0\.0\.1:\d+ does not answer/);
  });

  it("ends with 2 when the server holds another model", async (test) => {
    needsPython(test);
    const ended = await reproduce((tokens) => tokens.map(() => 5));
    expect(ended.code).toBe(2);
    expect(ended.output).toMatch(/does not hold the tracer model: a read was answered <0x02> <0x02>/);
  });

  it("takes other payloads for each try where slots cannot be erased", async (test) => {
    needsPython(test);
    const prompts = new Set<string>();
    const ended = await reproduce(
      (tokens, prompt) => {
        prompts.add(prompt.join());
        return tokens;
      },
      example,
      501,
    );
    expect(ended.code).toBe(0);
    expect(prompts.size).toBe(1 + 2 * 2);
  });

  it("counts a dropped connection as a reproduction under the law that requests settle, and under no other", async (test) => {
    needsPython(test);
    const drops: Answer = (tokens, prompt) => (prompt.length === 83 && tokens.length === 24 ? null : tokens);
    expect(await reproduce(drops, underLaw("settles"))).toMatchObject({ code: 1 });
    const other = await reproduce(drops);
    expect(other.code).toBe(2);
    expect(other.output).toMatch(/requests failed in every try/);
  });

  it("counts a short answer under the law of whole answers, and under no other", async (test) => {
    needsPython(test);
    const short: Answer = (tokens) => (tokens.length === 24 ? tokens.slice(0, 20) : tokens);
    const ended = await reproduce(short, underLaw("same-prompt-same-output"));
    expect(ended.code).toBe(1);
    expect(ended.output).toMatch(/request r2, token 20 \(finished\)\n.*\n {2}observed the end/);
    expect(await reproduce(short)).toMatchObject({ code: 0 });
  });

  it("says which segments a digit that a scan saw may come from", async (test) => {
    needsPython(test);
    const scan: Finding = {
      ...example,
      trace: {
        ...example.trace,
        steps: example.trace.steps.map((s) =>
          "send" in s && s.send === "r2" ? { ...s, prompt: [{ seg: "C" }, { read: "narrow", back: 24 }] } : s,
        ),
      },
    };
    const ended = await reproduce((tokens) => (tokens.length === 24 ? [badToken(1, 6)] : tokens), scan);
    expect(ended.output).toMatch(
      /digit 2 of a cell that was read is 6, which no cell of r2 holds; segments that do: B$/m,
    );
  });
});

describe("write_model.py", () => {
  for (const shape of [
    DEFAULT_SHAPE,
    tracerShape({ readLayers: 5, kvHeads: 2, drag: 32 }),
    tracerShape({ kvHeads: 8, headSize: 64 }),
  ]) {
    it(`writes the same bytes as Crosstalk: ${shape.readLayers} read layers, KV heads: ${shape.kvHeads}`, async (test) => {
      needsPython(test);
      const file = join(folder, "tracer.gguf");
      const ended = await python(writeModelPy(shape), file);
      expect(ended).toMatchObject({ code: 0 });
      const sha256 = createHash("sha256")
        .update(await readFile(file))
        .digest("hex");
      expect(sha256).toBe(tracerModel(shape).manifest.sha256);
    });
  }
});
