/** `crosstalk demo`: the main job on the embedded lab, once without and once with a planted bug. */

import { EXIT, formatError } from "./exit.ts";
import { withInterrupt } from "./interrupt.ts";
import { progressTo } from "./progress.ts";
import { formatVerdict, printSession } from "./run.ts";
import { saveCampaign } from "./save-campaign.ts";
import { runSession, type Session } from "./session.ts";
import { Store } from "./store.ts";
import { openTarget } from "./target.ts";

export const DEMO_FAULT = "pd-free-on-abort";
/** Traces of the clean run: about 1,500 requests. */
const CLEAN_TRACES = 40;
const FAULTY_TRACES = 200;

export interface DemoOptions {
  readonly seed: number;
  readonly fault: string;
  readonly out: string;
  readonly json?: boolean;
}

/** A demo that finds its planted bug, and nothing where none was planted, has succeeded: exit code 0. */
export async function demo(options: DemoOptions): Promise<number> {
  return withInterrupt(async (signal) => {
    const progress = progressTo(process.stderr, options.json === true);
    const campaign = async (fault: string | null): Promise<Session> => {
      const store = new Store(`${options.out}/${fault ?? "clean"}`, { replace: true });
      const target = await openTarget({ target: "lab", topology: "pd", ...(fault === null ? {} : { fault }) });
      const limits = {
        seed: options.seed,
        traces: fault === null ? CLEAN_TRACES : FAULTY_TRACES,
        findings: 1,
        context: 1024,
      };
      const session = await runSession({
        ...limits,
        budget: Number.POSITIVE_INFINITY,
        target,
        store,
        progress,
        signal,
      });
      saveCampaign(store, session);
      return session;
    };
    try {
      progress.say("First the lab as it should be: prefill and decode on two pools, no bug planted.");
      const clean = await campaign(null);
      if (!options.json) process.stdout.write(`${formatVerdict(clean.summary)}\n\n`);
      progress.say(`Now the same load on the lab with the bug ${options.fault}.`);
      const faulty = await campaign(options.fault);
      if (options.json) process.stdout.write(`${JSON.stringify(faulty.summary)}\n`);
      else printSession(faulty);
      if (signal.aborted) return EXIT.interrupted;
      return clean.summary.verdict === "pass" && faulty.findings.length > 0 ? EXIT.clean : EXIT.couldNotTest;
    } catch (error) {
      process.stderr.write(`${formatError(error)}\n`);
      return EXIT.couldNotTest;
    }
  });
}
