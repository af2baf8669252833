/** From the settings that a server was started with to those that a failure needs. */

import { CrosstalkError } from "./errors.ts";
import type { Target, TargetDescription } from "./target/target.ts";

export interface SettingTried {
  readonly type: "setting";
  readonly setting: string;
  readonly needed: boolean;
}

export interface SettingsLeft {
  /** It fails without these, all of them together. */
  readonly without: readonly string[];
  /** Without this one it did not fail in each run, or the server does not start or cannot be flushed. */
  readonly needed: readonly string[];
  /** The server as it runs now: without the first. */
  readonly description: TargetDescription;
}

/**
 * Starts the server without one setting after the other, and leaves out those without which it fails as before. At the end
 * it runs without all of these. Null where there are none, or the failure does not show each time: what a setting does
 * to a rate is not worth the runs.
 * @param failsEach whether the failure shows in each of some runs
 * @param goOn asked before each setting
 */
export async function* leaveOutSettings(
  target: Target,
  description: TargetDescription,
  failsEach: () => Promise<boolean>,
  goOn: () => boolean,
): AsyncGenerator<SettingTried, SettingsLeft | null> {
  const { settings = [] } = target;
  if (settings.length === 0 || !goOn() || !(await failsEach())) return null;
  let left: SettingsLeft = { without: [], needed: [], description };
  for (const setting of settings) {
    if (!goOn()) break;
    const without = [...left.without, setting];
    const started = await orNull(() => target.startWithout!(without));
    // Where caches outlive a flush runs tell less of each other than before.
    const comparable = started !== null && started.isolation === description.isolation;
    const needed = !comparable || (await orNull(failsEach)) !== true;
    if (needed) await target.startWithout!(left.without);
    left = needed ? { ...left, needed: [...left.needed, setting] } : { ...left, without, description: started };
    yield { type: "setting", setting, needed };
  }
  return left;
}

/** Null where the server does not start, or is none that the trace can be put to. */
async function orNull<T>(act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof CrosstalkError) return null;
    throw error;
  }
}
