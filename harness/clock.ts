/** The executor's clock: one origin, absolute deadlines. Tests bring their own. */

export interface Clock {
  /** Milliseconds, with a fraction; only differences mean anything. */
  now(): number;
  /** Calls back once, as soon as `now() >= time`; returns what takes the call back. */
  at(time: number, callback: () => void): () => void;
}

/** Node's timers may come a millisecond late: the last stretch is passed in turns of the event loop instead. */
const LAST_STRETCH_MS = 1.5;

export const realClock: Clock = {
  now: () => performance.now(),
  at(time, callback) {
    let timer: NodeJS.Timeout | undefined;
    let turn: NodeJS.Immediate | undefined;
    const check = () => {
      const left = time - performance.now();
      if (left <= 0) callback();
      else if (left > LAST_STRETCH_MS) timer = setTimeout(check, Math.floor(left - LAST_STRETCH_MS));
      else turn = setImmediate(check);
    };
    check();
    return () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
  },
};
