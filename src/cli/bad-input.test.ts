/** What a user gets wrong, or finds broken: a clear message, exit code 2, and nothing lost. */

import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { StandInEngine } from "../../harness/testing/stand-in-engine.ts";
import { summarySchema } from "../report/summary.ts";
import { crosstalk, temporaryFolder } from "./testing.ts";

function file(name: string, text: string): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

async function refused(args: readonly string[], message: RegExp): Promise<void> {
  const { code, stderr } = await crosstalk(...args);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
}

const TRACE = {
  crosstalk: "crosstalk-trace/1",
  name: "one",
  segments: { A: { seed: 1, family: 1, length: 20 } },
  steps: [{ at: 0, send: "r1", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 2 }],
};

describe("usage", () => {
  test("an unknown flag", () => refused(["run", "--nonsense"], /unknown option '--nonsense'/));
  test("an unknown command", () => refused(["frobnicate"], /unknown command 'frobnicate'/));
  test("a budget that is no time", () => refused(["run", "--budget", "soon"], /Give a time such as 120s/));
  test("an unknown engine", () => refused(["run", "--engine", "nope"], /no engine is called "nope"/));
  test("an unknown target", () => refused(["run", "--target", "moon"], /--target moon is no target/));
  test("an unknown fault of the lab", () => refused(["run", "--target", "lab", "--fault", "x"], /no fault "x"/));
  test("an unknown fault of the image", () =>
    refused(["run", "--engine", "llama.cpp", "--fault", "x"], /the image has no fault "x"[\s\S]*stale-row/));
  test("a folder that holds an earlier campaign", async () => {
    const out = temporaryFolder();
    await crosstalk("run", "--target", "lab", "--traces", "1", "--out", out);
    await refused(["run", "--target", "lab", "--traces", "1", "--out", out], /holds an earlier campaign/);
  });
  test("options that do not go together", () =>
    refused(["run", "--target", "lab", "--cmd", "x"], /--cmd goes with no other --target/));
  test("adapters for a server that is running already", () =>
    refused(["run", "--target", "http://127.0.0.1:1", "--adapters"], /--adapters goes with what Crosstalk starts/));
});

describe("a trace", () => {
  test("that is not there", () => refused(["replay", "/nowhere/trace.json"], /cannot read \/nowhere\/trace.json/));
  test("that is not JSON names the line", () =>
    refused(["replay", file("trace.json", '{\n  "crosstalk": \n}')], /trace.json, line 3: not JSON/));
  test("of another version names both", () =>
    refused(
      ["replay", file("trace.json", JSON.stringify({ ...TRACE, crosstalk: "crosstalk-trace/9" }))],
      /field "crosstalk" is "crosstalk-trace\/9", expected "crosstalk-trace\/1"/,
    ));
  test("with an unknown field names it", () =>
    refused(
      ["replay", file("trace.json", JSON.stringify({ ...TRACE, steps: [{ ...TRACE.steps[0], colour: "red" }] }))],
      /steps\[0\].*colour/s,
    ));
  test("that refers to what is not there names the place", () =>
    refused(
      ["replay", file("trace.json", JSON.stringify({ ...TRACE, segments: {} }))],
      /steps\[0\]\.prompt\[0\]\.seg: no segment is called A/,
    ));
});

describe("a history", () => {
  test("with a broken line names it", async () => {
    const path = file("history.jsonl", '{"crosstalk":"crosstalk-history/1"}\n');
    await refused(["check", path], /history.jsonl, line 1: field/);
  });

  test("of another trace is not judged", async () => {
    const out = temporaryFolder();
    await crosstalk("run", "--target", "lab", "--traces", "2", "--out", out);
    const [own, other] = ["0001", "0002"].map((n) => join(out, `runs/${n}.trace.json`));
    const history = join(out, "runs/0001.history.jsonl");
    expect((await crosstalk("check", history, "--trace", own!)).stderr).toBe("");
    await refused(["check", history, "--trace", other!], /0002.trace.json is not the trace of this history/);
  });

  test("that is cut short is judged as far as it goes, and never a pass", async () => {
    const out = temporaryFolder();
    await crosstalk("run", "--target", "lab", "--traces", "1", "--out", out);
    const path = join(out, "runs/0001.history.jsonl");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.slice(0, text.length / 2));
    const { code, stdout } = await crosstalk("check", path);
    expect(stdout).toMatch(/the history is incomplete/);
    expect(code).toBe(2);
  });
});

describe("a server", () => {
  test("whose command exits at once", () =>
    refused(["run", "--cmd", "false {model.gguf} {port}", "--out", temporaryFolder()], /exit code 1/));
  test("whose command does not exist", () =>
    refused(["run", "--cmd", "no-such-server {port}", "--out", temporaryFolder()], /no-such-server/));

  test("whose port is taken", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", () => resolve()));
    onTestFinished(() => {
      taken.close();
    });
    const { port } = taken.address() as AddressInfo;
    await refused(["run", "--cmd", "sleep 5", "--port", String(port), "--out", temporaryFolder()], /port \d+/);
  });

  test("that does not answer", () =>
    refused(["run", "--target", "http://127.0.0.1:1", "--out", temporaryFolder()], /127\.0\.0\.1:1/));
  test("on another machine, without the user's word", () =>
    refused(["run", "--target", "http://192.0.2.1:80", "--out", temporaryFolder()], /--allow-remote/));

  test("that dies once in the middle of a run: what was recorded stays, and a finding is not invented", async () => {
    const out = temporaryFolder();
    const died = join(out, "died");
    const server = file(
      "server.ts",
      `import { existsSync, writeFileSync } from "node:fs";
      import { StandInEngine } from "${join(import.meta.dirname, "../../harness/testing/stand-in-engine.ts")}";
      let answered = 0;
      const respond = (exchange) => {
        if (++answered < 20 || existsSync("${died}")) return exchange.complete();
        writeFileSync("${died}", "");
        process.exit(3);
      };
      await new StandInEngine({ respond }).listen(Number(process.argv[2]));`,
    );
    const args = ["--cmd", `${process.execPath} ${server} {port}`, "--traces", "4", "--json", "--out", out];
    const { code, stdout } = await crosstalk("run", ...args);
    const summary = summarySchema.parse(JSON.parse(stdout));
    expect(summary).toMatchObject({ verdict: "inconclusive", findings: [], error: null });
    expect(summary.laws.find((law) => law.id === "stays-up")).toMatchObject({ status: "inconclusive" });
    expect(code).toBe(2);
    const histories = readdirSync(join(out, "runs")).filter((name) => name.endsWith(".history.jsonl"));
    expect(histories.some((name) => readFileSync(join(out, "runs", name), "utf8").includes('"e":"lost"'))).toBe(true);
  });

  test("that cannot empty its caches is tested without flushes", async () => {
    const engine = await StandInEngine.start({ erases: false });
    onTestFinished(() => engine.stop());
    const args = ["--target", engine.baseUrl, "--traces", "8", "--json", "--out", temporaryFolder()];
    const { stdout } = await crosstalk("run", ...args);
    expect(summarySchema.parse(JSON.parse(stdout))).toMatchObject({ error: null, counts: { traces: 8 } });
  });

  test("with another model", async () => {
    const engine = await StandInEngine.start({ respond: (exchange) => exchange.token(300).finish() });
    onTestFinished(() => engine.stop());
    await refused(["run", "--target", engine.baseUrl, "--out", temporaryFolder()], /crosstalk model/);
  });
});

describe("an output folder", () => {
  test("that cannot be made stops the run before it starts", async () => {
    const inTheWay = file("taken", "");
    await refused(["run", "--target", "lab", "--out", join(inTheWay, "out")], /cannot write .*taken\/out/);
  });

  test("that is full keeps what was found before, and says so in the summary", async () => {
    const out = temporaryFolder();
    mkdirSync(join(out, "runs"));
    symlinkSync("/dev/full", join(out, "runs/0003.history.jsonl"));
    const { code, stdout } = await crosstalk("run", "--target", "lab", "--traces", "5", "--json", "--out", out);
    expect(code).toBe(2);
    const summary = summarySchema.parse(JSON.parse(stdout));
    expect(summary).toMatchObject({ verdict: "inconclusive", error: { code: "OUTPUT_NOT_WRITABLE" } });
    expect(readdirSync(join(out, "runs"))).toContain("0002.history.jsonl");
  });
});
