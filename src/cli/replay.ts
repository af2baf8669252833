/** `crosstalk replay`: run one trace again, as often as asked, and judge each run. */

import { lawsFor } from "../../properties/index.ts";
import { explainWitness } from "../check/explain.ts";
import { judgeRun } from "../check/property.ts";
import { rate } from "../check/statistics.ts";
import type { Status } from "../check/verdict.ts";
import { runOnce } from "../investigate.ts";
import { boundOfClean } from "../report/wording.ts";
import { parseTrace } from "../trace/read.ts";
import { EXIT, exitCodeOf, formatError } from "./exit.ts";
import { inputFile } from "./input.ts";
import { hearSignals, withInterrupt } from "./interrupt.ts";
import { progressTo } from "./progress.ts";
import { openTarget, type TargetOptions, withNeedsOfFault } from "./target.ts";

export interface ReplayOptions extends TargetOptions {
  readonly tries: number;
  readonly json?: boolean;
}

/** Each try starts on emptied caches, or on a fresh server where a flush leaves some. One failed try is a finding. */
export async function replay(path: string, options: ReplayOptions): Promise<number> {
  const file = inputFile(path, "trace.json", "INVALID_TRACE");
  const trace = parseTrace(file.text, file.path);
  return withInterrupt(async (signal) => {
    const progress = progressTo(process.stderr, options.json === true);
    const target = await openTarget(await withNeedsOfFault(options), trace);
    const statuses: Status[] = [];
    const explanations = new Set<string>();
    const reasons = new Map<string, string>();
    let error: unknown = null;
    try {
      const description = await target.start();
      const { blockSize, isolation } = description;
      const laws = lawsFor(description).filter((law) => law.appliesTo(trace));
      progress.say(`crosstalk: replaying ${trace.name}`);
      for (let i = 0; i < options.tries; i++) {
        await hearSignals();
        if (isolation === "restart" && i > 0) await target.restart();
        const verdicts: Status[] = [];
        const run = await runOnce(target, trace, "main", signal, i + 1);
        for (const law of laws) {
          const verdict = judgeRun(law, run);
          verdicts.push(verdict.status);
          reasons.set(law.id, `${verdict.status}: ${verdict.reason}`);
          if (verdict.status === "fail")
            explanations.add(explainWitness(run, verdict.witnesses[0], blockSize).explanation);
        }
        // A minimal trace is vacuous for most laws: a try says something where one of them could have failed.
        statuses.push(verdicts.includes("fail") ? "fail" : verdicts.includes("pass") ? "pass" : "inconclusive");
        progress.show(`  try ${i + 1} of ${options.tries}: ${statuses.at(-1)}`);
      }
    } catch (caught) {
      // Tries before it stand: a failed one is a finding, whatever came after.
      if (statuses.length === 0 && !signal.aborted) throw caught;
      error = caught;
    } finally {
      await target.stop();
    }
    const failed = statuses.filter((s) => s === "fail").length;
    const status = failed > 0 ? "fail" : statuses.includes("pass") ? "pass" : "inconclusive";
    const share = rate(failed, statuses.length);
    if (options.json)
      process.stdout.write(`${JSON.stringify({ verdict: status, rate: share, explanations: [...explanations] })}\n`);
    else {
      const bound = failed === 0 ? `; ${boundOfClean(statuses.length)}` : "";
      process.stdout.write(`${trace.name}: failed in ${failed} of ${statuses.length} tries${bound}\n`);
      for (const text of explanations) process.stdout.write(`  ${text}\n`);
      if (failed === 0) for (const [law, reason] of reasons) process.stdout.write(`  ${law.padEnd(24)} ${reason}\n`);
    }
    if (error !== null) process.stderr.write(`${formatError(error)}\n`);
    if (signal.aborted) return EXIT.interrupted;
    return error !== null && status !== "fail" ? EXIT.couldNotTest : exitCodeOf(status);
  });
}
