/** Settings of a server: arguments of its command that it can be started without. */

import type { Knob } from "./engines/profile.ts";

/** Those among the words of a command that a profile's knobs name, each with its value: `--max-num-seqs 16`. */
export function settingsIn(words: readonly string[], knobs: readonly Knob[]): readonly string[] {
  const flags = new Set(knobs.flatMap(({ flag }) => flag.split(", ")));
  return words.flatMap((word, i) => {
    if (!flags.has(word)) return [];
    const value = words[i + 1];
    return [value === undefined || value.startsWith("-") ? word : `${word} ${value}`];
  });
}

/** The words less those of the settings. */
export function withoutSettings(words: readonly string[], settings: readonly string[]): readonly string[] {
  return settings.reduce((left, setting) => {
    const gone = setting.split(" ");
    const at = left.findIndex((_, i) => gone.every((word, k) => left[i + k] === word));
    return at === -1 ? left : [...left.slice(0, at), ...left.slice(at + gone.length)];
  }, words);
}
