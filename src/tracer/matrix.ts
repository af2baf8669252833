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
