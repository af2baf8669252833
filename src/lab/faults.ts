/** Bugs to switch on, one at a time. Each sits at the line where a maintainer would make it: search for its name. */

/** A planted bug, with the real one it resembles. */
export interface LabFault {
  readonly name: string;
  /** What the mistake is, in one sentence. */
  readonly mistake: string;
  /** Class of the public bug: C1 read before ready, C2 freed in flight, C5/C6 prefix metadata, C7 row mix-up, C16 liveness. */
  readonly class: "C1" | "C2" | "C5" | "C6" | "C7" | "C16";
  /** The public bug it resembles. */
  readonly resembles: { readonly title: string; readonly url: string };
  /** What has to happen for it to show. */
  readonly trigger: string;
  /** What a client sees. */
  readonly symptom: string;
  /** Id of the law that it breaks. */
  readonly breaks: "own-cells-only" | "own-parameters" | "cancelled-prefix" | "same-prompt-same-output" | "settles";
  /** It shows only where some requests have adapters. */
  readonly adapters?: "some";
  /** Topologies where it can show. */
  readonly topologies: readonly ("single" | "pd")[];
}

export const LAB_FAULTS = [
  {
    name: "pd-free-on-abort",
    mistake: "On abort the decode blocks are freed at once, while the prefill side still writes into them.",
    class: "C2",
    resembles: {
      title: "SGLang: decode frees pages on abort while the prefill writer is in flight",
      url: "https://github.com/sgl-project/sglang/issues/24527",
    },
    trigger: "a cancel during the transfer, then a request that gets the freed blocks",
    symptom: "the next request reads cells of the cancelled one",
    breaks: "own-cells-only",
    topologies: ["pd"],
  },
  {
    name: "host-read-before-ready",
    mistake: "A layer is computed without waiting for that layer's load from the host tier.",
    class: "C1",
    resembles: {
      title: "SGLang HiCache: index buffers read without layer_transfer_counter.wait_until",
      url: "https://github.com/sgl-project/sglang/pull/22811",
    },
    trigger: "a prefix that was evicted to the host and is hit again",
    symptom: "the answer reads what the blocks held before the load",
    breaks: "own-cells-only",
    topologies: ["single", "pd"],
  },
  {
    name: "row-swap-on-removal",
    mistake: "When the last row moves into a removed row's place, its block table follows one step late.",
    class: "C7",
    resembles: {
      title: "vLLM: row state copied, not moved, on a row swap",
      url: "https://github.com/vllm-project/vllm/pull/51890",
    },
    trigger: "a row removed from the middle while others run",
    symptom: "for one step the moved request computes over the removed one's cells",
    breaks: "own-cells-only",
    topologies: ["single", "pd"],
  },
  {
    name: "partial-block-published",
    mistake: "When a request leaves early, its last block is counted as full: rounded up, not down.",
    class: "C6",
    resembles: {
      title: "SGLang: a chunk inserted in the radix tree mid-prefill, then freed by an abort",
      url: "https://github.com/sgl-project/sglang/issues/38319",
    },
    trigger: "a cancel or preemption between two chunks of a prompt, then a request with the same prefix",
    symptom: "every later hit of that prefix reads cells of the block's former owner, until a flush",
    breaks: "own-cells-only",
    topologies: ["single", "pd"],
  },
  {
    name: "lost-tail",
    mistake: "When the last row moves into a removed row's place, the count of tokens left stays behind.",
    class: "C7",
    resembles: {
      title: "mlx-lm: batch filtering leaves per-row state misaligned",
      url: "https://github.com/ml-explore/mlx-lm/issues/965",
    },
    trigger: "a row removed from the middle while others run",
    symptom: "a right answer that ends too early",
    breaks: "same-prompt-same-output",
    topologies: ["single", "pd"],
  },
  {
    name: "sampling-row-left",
    mistake: "When the last row moves into a removed row's place, its sampling parameters stay behind.",
    class: "C7",
    resembles: {
      title: "vLLM: row state copied, not moved, on a row swap",
      url: "https://github.com/vllm-project/vllm/pull/51890",
    },
    trigger: "a row removed from the middle while others run, one of the two with parameters of its own",
    symptom: "the moved request is sampled with the removed one's parameters",
    breaks: "own-parameters",
    topologies: ["single", "pd"],
  },
  {
    name: "abort-flushes-neighbour",
    mistake: "The last flush of an aborted stream takes its tokens from the next row.",
    class: "C7",
    resembles: {
      title: "SGLang: detokenizer state kept per request id after it ended",
      url: "https://github.com/sgl-project/sglang/pull/12205",
    },
    trigger: "a cancel while tokens wait to be streamed and another request runs",
    symptom: "the cancelled stream ends with another request's tokens",
    breaks: "cancelled-prefix",
    topologies: ["single", "pd"],
  },
  {
    name: "cancel-drops-neighbour",
    mistake: "An abort removes the row after the one that was meant.",
    class: "C16",
    resembles: {
      title: "llama.cpp: a cancel hits the task that was just launched",
      url: "https://github.com/ggml-org/llama.cpp/issues/23493",
    },
    trigger: "a cancel while another request runs",
    symptom: "another request never ends",
    breaks: "settles",
    topologies: ["single", "pd"],
  },
  {
    name: "adapter-not-hashed",
    mistake: "The key of a cached block leaves out the adapter that computed it.",
    class: "C5",
    resembles: {
      title: "SGLang HiCache: L3 storage hashes ignored extra_key, cache_salt and LoRA",
      url: "https://github.com/sgl-project/sglang/pull/38577",
    },
    trigger: "a prefix that requests of two adapters have in common",
    symptom: "the second one reads cells that the first one's adapter computed, until a flush",
    breaks: "own-cells-only",
    adapters: "some",
    topologies: ["single", "pd"],
  },
] as const satisfies readonly LabFault[];

export type LabFaultName = (typeof LAB_FAULTS)[number]["name"];

export const isLabFault = (name: string): name is LabFaultName => LAB_FAULTS.some((fault) => fault.name === name);
