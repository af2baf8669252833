/** A dense row-major matrix: `rows` outputs by `columns` inputs. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

export function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float32Array(rows * columns) };
}

export function put(matrix: Matrix, row: number, column: number, value: number): void {
  matrix.data[row * matrix.columns + column] = value;
}

/** What is not zero: row, column and value. */
export function* entries({ columns, data }: Matrix): Generator<readonly [number, number, number]> {
  for (const [i, value] of data.entries()) if (value !== 0) yield [Math.floor(i / columns), i % columns, value];
}
