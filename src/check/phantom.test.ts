import { expect, test } from "vitest";
import { flushTimes } from "../history/outcome.ts";
import { contextsOf } from "./context.ts";
import { phantomHit } from "./phantom.ts";
import { labTrace, watchedRun } from "./testing/lab-truth.ts";

test("a clean lab's cached tokens are all accounted for, also across preemptions and evictions", async () => {
  let hits = 0;
  for (let seed = 0; seed < 8; seed++) {
    const { run } = await watchedRun(await labTrace(seed, 20, {}), {});
    const contexts = contextsOf(run);
    const flushes = flushTimes(run.history);
    for (const context of contexts) {
      if ((context.cached ?? 0) > 0) hits++;
      expect(phantomHit(context, contexts, flushes), `${run.trace.name}: ${context.request.id}`).toBeNull();
      // One block more than the engine really had is noticed; of several choices one may have left the prompt for the next.
      const { cached } = context;
      if (context.request.choices > 1) continue;
      const held = phantomHit({ ...context, cached: context.request.prompt.length + 1 }, contexts, flushes);
      if (cached !== null) expect(held?.held).toBeGreaterThanOrEqual(cached);
    }
  }
  expect(hits).toBeGreaterThan(0);
});
