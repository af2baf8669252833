/** Options of `crosstalk run` by the occasion: how long a CI job has, and how much it wants to hear. */

/** What a profile sets; times in milliseconds, context in tokens. */
export interface Profile {
  readonly budget: number;
  readonly reduce: number;
  readonly findings: number;
  readonly context: number;
  readonly maxArtifacts: number;
}

const MINUTE = 60_000;
const MB = 1_000_000;

export const PROFILES = {
  smoke: { budget: 2 * MINUTE, reduce: 3 * MINUTE, findings: 1, context: 512, maxArtifacts: 50 * MB },
  pr: { budget: 10 * MINUTE, reduce: 5 * MINUTE, findings: 2, context: 512, maxArtifacts: 200 * MB },
  nightly: { budget: 60 * MINUTE, reduce: 15 * MINUTE, findings: 5, context: 1024, maxArtifacts: 1000 * MB },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;

/** The options with those of the profile in place of defaults. @param isGiven whether the user gave an option */
export function withProfile<Options extends Partial<Profile> & { readonly profile?: ProfileName }>(
  options: Options,
  isGiven: (option: string) => boolean,
): Options {
  if (options.profile === undefined) return options;
  const set = Object.entries(PROFILES[options.profile]).filter(([option]) => !isGiven(option));
  return { ...options, ...Object.fromEntries(set) };
}

/** The profiles as the help lists them. */
export function describeProfiles(): string {
  const lines = Object.entries(PROFILES).map(([name, { budget, context, findings, maxArtifacts, reduce }]) => {
    const sets = `--budget ${budget / MINUTE}m --reduce ${reduce / MINUTE}m --findings ${findings} --context ${context}`;
    return `  ${name.padEnd(8)} ${sets} --max-artifacts ${maxArtifacts / MB}MB`;
  });
  return lines.join("\n");
}
