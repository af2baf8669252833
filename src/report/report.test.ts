import { expect, it } from "vitest";
import type { Finding } from "../check/finding.ts";
import { parseHistory } from "../history/jsonl.ts";
import { parseTrace } from "../trace/read.ts";
import { exampleFinding } from "./example.ts";
import { formatAdvisory, formatIssue } from "./issue.ts";
import { reproFolder } from "./repro-folder.ts";
import { reproMjs } from "./repro-mjs.ts";
import { reproPy } from "./repro-py.ts";
import { formatTerminal } from "./terminal.ts";
import { formatTimeline } from "./timeline.ts";

const example = exampleFinding();
const folder = "crosstalk-out/found/own-cells-only-1f3a9c";

it("an issue, an advisory and the terminal's last block read as they did", async () => {
  // Not called .md: a formatter of Markdown would rewrite what the law is about.
  await expect(formatIssue(example)).toMatchFileSnapshot("golden/issue.txt");
  await expect(formatAdvisory(example)).toMatchFileSnapshot("golden/advisory.txt");
  await expect(formatTerminal(example, { folder })).toMatchFileSnapshot("golden/terminal.txt");
});

it("repro.py reads as it did down to what is the same for every finding", async () => {
  const [trace] = reproPy(example).split("# ---- The server's dialect");
  await expect(trace).toMatchFileSnapshot("golden/repro-head.txt");
});

it("repro.mjs reads as it did down to there", async () => {
  const [trace] = reproMjs(example).split("// ---- The server's dialect");
  await expect(trace).toMatchFileSnapshot("golden/repro-mjs-head.txt");
});

it("the last lines of the terminal are the commands that reproduce it", () => {
  const lines = formatTerminal(example, { folder }).trimEnd().split("\n");
  expect(lines.slice(lines.indexOf("Reproduce with:") + 1)).toEqual([
    `  cd ${folder}`,
    "  python3 write_model.py tracer.gguf",
    "  llama-server -m tracer.gguf --port 8080 -np 4 -c 4096 --slot-save-path /tmp",
    "  python3 repro.py http://127.0.0.1:8080",
    "  # or: node repro.mjs http://127.0.0.1:8080",
  ]);
});

it("colour comes only from the paint that was given", () => {
  const painted = formatTerminal(example, { folder, paint: (style, text) => `<${style}>${text}</${style}>` });
  const plain = formatTerminal(example, { folder });
  expect(painted).toContain("<bad>FOUND foreign read");
  expect(painted.replaceAll(/<\/?(bad|strong|faint)>/g, "")).toBe(plain);
});

it("the repro folder holds the trace and the history as they can be read back", () => {
  const files = reproFolder(example);
  expect([...files.keys()]).toEqual([
    "trace.json",
    "history.jsonl",
    "finding.json",
    "timeline.txt",
    "report.html",
    "issue.md",
    "advisory.md",
    "repro.py",
    "repro.mjs",
    "write_model.py",
  ]);
  expect(parseTrace(files.get("trace.json")!)).toEqual(example.trace);
  expect(parseHistory(files.get("history.jsonl")!)).toEqual({ history: example.history, truncated: null });
});

it("what the server wrote last is kept beside the history, without a terminal's colours", () => {
  const logged: Finding = { ...example, log: ["\x1b[33mslot 0\x1b[0m released", "slot 1 launched"] };
  expect(reproFolder(logged).get("server.log")).toBe("slot 0 released\nslot 1 launched\n");
  expect(formatIssue(logged)).toContain("`server.log` has the last 2 lines that the server wrote");
  expect(formatIssue(example)).not.toContain("server.log");
});

it("a finding in which no one's data reaches another asks for no secrecy", () => {
  const lost: Finding = { ...example, anomaly: { ...example.anomaly, class: "lost tail", origins: [] } };
  expect(formatAdvisory(lost)).toBeNull();
  expect(formatIssue(lost)).not.toContain("private");
  expect(reproFolder(lost).has("advisory.md")).toBe(false);
});

it("a planted fault is never shown as a bug of the engine", () => {
  const planted: Finding = { ...example, target: { ...example.target, fault: "late-write" } };
  expect(formatIssue(planted)).toContain("planted on purpose: `late-write`");
  expect(formatTerminal(planted, { folder })).toContain('The fault "late-write" was planted on purpose.');
});

it("a timeline of many requests keeps those that the anomaly names and stays within its width", () => {
  const crowd: Finding = {
    ...example,
    trace: {
      ...example.trace,
      steps: [
        ...Array.from({ length: 20 }, (_, i) => ({
          at: 0,
          send: `crowd-${i}`,
          prompt: [{ seg: "A" }, { read: "scan" as const }],
          maxTokens: 4,
        })),
        ...example.trace.steps,
      ],
    },
  };
  const lines = formatTimeline(crowd).trimEnd().split("\n");
  expect(lines[0]).toContain("│ r1");
  expect(lines[0]).toContain("│ r2");
  expect(lines.at(-1)).toBe("16 other requests not shown.");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
});

it("a timeline of many rows ends soon after what is wrong", () => {
  const noise = Array.from({ length: 300 }, (_, i) => ({
    t: 10_000 + i,
    e: "cache" as const,
    what: i % 2 === 0 ? ("load" as const) : ("store" as const),
    blocks: [i],
  }));
  const [first, ...rest] = example.history.events;
  const long: Finding = { ...example, history: { ...example.history, events: [first!, ...noise, ...rest] } };
  const lines = formatTimeline(long, { rows: 20 }).split("\n");
  expect(lines[2]).toBe("292 earlier rows not shown.");
  expect(lines.some((line) => line.includes("✗ token 16"))).toBe(true);
});

it("a timeline shows faults, flushes, failures, lost tails and what is still open", () => {
  const { header } = example.history;
  const sent = example.history.events.filter((e) => e.e === "sent");
  const history: Finding["history"] = {
    header,
    events: [
      ...sent,
      { t: 21_000, e: "fault", at: 21_000, fault: "pause" },
      { t: 22_000, e: "flushed", at: 22_000, proof: "erased 96 cells in 4 slots" },
      { t: 23_000, e: "cache", what: "transfer", blocks: [1, 2, 3, 7] },
      { t: 24_000, e: "failed", id: "r1", code: "HTTP_500", message: "out of cells" },
      { t: 30_000, e: "end", latenessP99: 0, latenessMax: 0 },
    ],
  };
  expect(formatTimeline({ ...example, history })).toMatchInlineSnapshot(`
    "        ms │ r1                             │ r2
    ───────────┼────────────────────────────────┼────────────────────────────────
           0.1 │   send A B scan                │
               │   (81 in, 16 out)              │
          20.1 │                                │   send A C @32
               │                                │   (83 in, 24 out)
          21.0 │   fault: pause
          22.0 │   flush: erased 96 cells in 4 slots
          23.0 │   transfer: blocks 1-3, 7
          24.0 │ ✗ failed: HTTP_500             │
               │   out of cells                 │
          30.0 │                                │ ✗ still open
    "
  `);
});

it("an anomaly that fits two classes is called by both, is not certain if one is chance, and a leak if one is", () => {
  const or = [
    { class: "foreign read" as const, origins: [] },
    { class: "unexplained" as const, origins: [] },
  ];
  const ambiguous: Finding = { ...example, anomaly: { ...example.anomaly, class: "unwritten read", or, origins: [] } };
  expect(formatTerminal(ambiguous, { folder })).toContain(
    "FOUND unwritten read or foreign read or unexplained: a request read KV cells that nobody had written (not certain)",
  );
  expect(formatAdvisory(ambiguous)).not.toBeNull();
  expect(formatAdvisory({ ...ambiguous, anomaly: { ...ambiguous.anomaly, or: [] } })).toBeNull();
});

it("a finding of dice speaks of parameters and not of cells", () => {
  const dice = {
    ...example,
    anomaly: { ...example.anomaly, class: "leaked parameter" as const, or: [], position: null },
    trace: {
      ...example.trace,
      steps: example.trace.steps.map((s) =>
        "send" in s && s.send === "r2"
          ? { ...s, prompt: [...s.prompt.slice(0, -1), { read: "dice" as const, ladder: 1 }] }
          : s,
      ),
    },
  };
  const text = `${formatIssue(dice)}${formatAdvisory(dice)}`;
  expect(text).toContain("a wrong rung is another\nparameter");
  expect(text).toContain("sampled with another user's parameters");
  expect(text).not.toMatch(/a wrong token is a wrong cell|cached attention state/);
});
