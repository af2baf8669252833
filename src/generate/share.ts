/** A share of something, even over [0, 1). */

import fc from "fast-check";

/** Not `fc.double`, which is even over floating-point numbers: nearly all of those lie next to 0. */
export const share: fc.Arbitrary<number> = fc.nat(999).map((thousandths) => thousandths / 1000);
