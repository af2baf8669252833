/** Numbers as drawings and their words have them. */

/** Units of a drawing. */
export const px = (value: number): string => value.toFixed(1);

/** Microseconds, in milliseconds. */
export const ms = (micros: number): string => (micros / 1000).toFixed(1);
