/** Command lines: split into words as a shell would, without a shell; blanks filled in. */

import { CrosstalkError } from "../src/errors.ts";

/**
 * Words of a command. Single and double quotes and backslashes work as in a shell; variables, pipes and globs are just
 * characters.
 * @throws CrosstalkError INVALID_OPTION for an open quote or an empty command
 */
export function splitCommand(command: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let i = 0; i < command.length; i++) {
    const character = command[i]!;
    if (quote !== null) {
      if (character === quote) quote = null;
      else if (character === "\\" && quote === '"' && i + 1 < command.length) word += command[++i]!;
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (character === "\\" && i + 1 < command.length) word = (word ?? "") + command[++i]!;
    else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + character;
  }
  if (quote !== null) {
    throw new CrosstalkError("INVALID_OPTION", `the command has an open ${quote}: ${command}`, "Close the quote.");
  }
  if (word !== null) words.push(word);
  if (words.length > 0) return words;
  throw new CrosstalkError(
    "INVALID_OPTION",
    "the command is empty",
    'Give one: --cmd "llama-server -m {model.gguf} ..."',
  );
}

/** Replaces `{name}` in every word. Braces of other names are left as they are (JSON in an argument). */
export function fillIn(words: readonly string[], values: Readonly<Record<string, string>>): readonly string[] {
  return words.map((word) => word.replace(/\{([a-z.]+)\}/g, (whole, name: string) => values[name] ?? whole));
}

/** Whether any word has this blank. */
export function hasBlank(words: readonly string[], name: string): boolean {
  return words.some((word) => word.includes(`{${name}}`));
}

/**
 * A command line for people and shells; words with anything unusual in them are quoted. `$MODEL` and `$PORT` stay as
 * they are: whoever shows the command fills them in.
 */
export function joinCommand(words: readonly string[]): string {
  return words
    .map((word) => {
      const plain = word.replace(/\$(MODEL|PORT)/g, "x");
      if (/^[\w@%+=:,./-]+$/.test(plain)) return word;
      if (/^[\w@%+=:,./$-]+$/.test(plain)) return `"${word}"`;
      return `'${word.replaceAll("'", `'\\''`)}'`;
    })
    .join(" ");
}
