/** Faults that a target can inject into its own server while a trace runs. */

export interface FaultInjector {
  /** Stops the server in its tracks (SIGSTOP); connections stay open and say nothing. */
  pause(): Promise<void>;
  /** Lets a paused server go on (SIGCONT). Harmless where none is paused. */
  resume(): Promise<void>;
  /** Leaves the server `share` of one core, 0 to 1; null gives it all back. */
  throttle(share: number | null): Promise<void>;
  /** Ends the server without a chance to clean up (SIGKILL). */
  kill(): Promise<void>;
}
