/**
 * A transfer that the decode side does by itself: once the whole prompt is computed it reads its blocks, which the prefill
 * side holds under a lease. Each read that has landed renews the lease; after the last one the prefill side is notified.
 */

import { InvariantBroken } from "./invariants.ts";
import type { Lease } from "./lease.ts";
import { Transfer, type TransferOptions } from "./transfer.ts";

export class PullTransfer extends Transfer {
  readonly #lease: Lease;
  readonly #checked: boolean;

  constructor(options: TransferOptions & { readonly lease: Lease }) {
    super(options);
    this.#lease = options.lease;
    this.#checked = options.config.checked;
  }

  override copy(written: number, read: number, layer: number): void {
    if (this.#checked && this.#lease.isOver) throw new InvariantBroken(`block ${read} is read, and its lease is over`);
    super.copy(written, read, layer);
    this.#lease.renew();
  }

  /** The lease holds it. */
  override holdSource(): void {}

  override releaseSource(): void {
    this.#lease.notify();
  }
}
