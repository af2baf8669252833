import { expect, test } from "vitest";
import { BatchRows } from "./batch-rows.ts";
import { Sequence } from "./sequence.ts";

/** Three requests in rows 0, 1 and 2, with blocks 1, 2 and 3. */
function threeRows() {
  const rows = new BatchRows(4, 8, 4);
  const sequences = [1, 2, 3].map((block) => {
    const sequence = new Sequence(`r${block}`, [0, 0], 2 + block, true);
    sequence.blocks = [block];
    rows.add(sequence);
    return sequence;
  });
  rows.updateTables();
  return { rows, sequences: sequences as [Sequence, Sequence, Sequence] };
}

test("the last row moves into a removed row's place, with all it holds", () => {
  const { rows, sequences } = threeRows();
  const [first, , last] = sequences;
  rows.remove(first);
  rows.updateTables();
  expect(rows.rowOf(last)).toBe(0);
  expect([...rows.slots(0, 2)]).toEqual([12, 13]);
  expect([0, 1, 2].map(() => rows.countToken(0))).toEqual([false, false, true]);
});

test("removing the last row moves nothing", () => {
  const { rows, sequences } = threeRows();
  rows.remove(sequences[2]);
  rows.updateTables();
  expect([...rows.slots(0, 1), ...rows.slots(1, 1)]).toEqual([4, 8]);
});

test("a row's neighbour is the next one, around the end", () => {
  const { rows, sequences } = threeRows();
  const [first, second, last] = sequences;
  expect(rows.neighbour(second)).toBe(last);
  expect(rows.neighbour(last)).toBe(first);
});

test("a mask moves with its row, and leaves no mask behind", () => {
  const { rows, sequences } = threeRows();
  const [first] = sequences;
  const masked = new Sequence("masked", [0, 0], 4, true, { allowed: [7] });
  rows.add(masked);
  rows.remove(first);
  expect([0, 1, 2].map((row) => rows.maskedAs(row))).toEqual([masked, null, null]);
  rows.add(new Sequence("plain", [0, 0], 4, true));
  expect(rows.maskedAs(3)).toBeNull();
  rows.remove(masked);
  expect(rows.maskedAs(0)).toBeNull();
});
