/** The executor's clock: one origin, absolute deadlines. Tests bring their own. */

export interface Clock {
  /** Milliseconds, with a fraction; only differences mean anything. */
  now(): number;
  /** Calls back once, as soon as `now() >= time` but never from within; returns what takes the call back. */
  at(time: number, callback: () => void): () => void;
}

/** Node's timers may come a millisecond late: the last stretch is passed in turns of the event loop instead. */
const LAST_STRETCH_MS = 1.5;

export const realClock: Clock = {
  now: () => performance.now(),
  at(time, callback) {
    let timer: NodeJS.Timeout | undefined;
    let turn: NodeJS.Immediate | undefined;
    const sleep = () => {
      const left = time - performance.now();
      if (left > LAST_STRETCH_MS) timer = setTimeout(wake, Math.floor(left - LAST_STRETCH_MS));
      else turn = setImmediate(wake);
    };
    const wake = () => {
      if (performance.now() >= time) callback();
      else sleep();
    };
    sleep();
    return () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
  },
};
