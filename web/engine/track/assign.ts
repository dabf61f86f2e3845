/**
 * Pairs rows with columns at the least total cost (Hungarian method with potentials, O(n³)).
 * @param cost cost[row][column], finite; pairs above `limit` are not made
 * @returns the pairs, and the rows and columns that have none
 */
export function assign(
  cost: number[][],
  columns: number,
  limit: number,
): { pairs: [row: number, column: number][]; rows: number[]; columns: number[] } {
  const size = Math.max(cost.length, columns);
  // A pair that is not allowed, or with nobody, costs the limit: then leaving both alone is as good.
  const at = (row: number, column: number) => Math.min(cost[row]?.[column] ?? limit, limit);
  const rowOf = solve(size, at);
  const pairs: [number, number][] = [];
  const freeRows = new Set(cost.keys());
  const freeColumns = new Set(Array.from({ length: columns }, (_, column) => column));
  for (const [column, row] of rowOf.entries()) {
    const price = cost[row]?.[column];
    if (price === undefined || price >= limit) continue;
    pairs.push([row, column]);
    freeRows.delete(row);
    freeColumns.delete(column);
  }
  return { pairs, rows: [...freeRows], columns: [...freeColumns] };
}

/** The row of each column of a square matrix, at the least total. */
function solve(size: number, cost: (row: number, column: number) => number): number[] {
  // Rows and columns count from 1; column 0 stands for the row that is being placed.
  const u = new Float64Array(size + 1);
  const v = new Float64Array(size + 1);
  const rowOf = new Int32Array(size + 1);
  const way = new Int32Array(size + 1);
  for (let row = 1; row <= size; row++) {
    rowOf[0] = row;
    let column = 0;
    const least = new Float64Array(size + 1).fill(Number.POSITIVE_INFINITY);
    const used = new Uint8Array(size + 1);
    do {
      used[column] = 1;
      const from = rowOf[column]!;
      let delta = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let j = 1; j <= size; j++) {
        if (used[j]) continue;
        const reduced = cost(from - 1, j - 1) - u[from]! - v[j]!;
        if (reduced < least[j]!) {
          least[j] = reduced;
          way[j] = column;
        }
        if (least[j]! < delta) {
          delta = least[j]!;
          next = j;
        }
      }
      for (let j = 0; j <= size; j++) {
        if (used[j]) {
          u[rowOf[j]!]! += delta;
          v[j]! -= delta;
        } else least[j]! -= delta;
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[way[column]!]!;
      column = way[column]!;
    }
  }
  return Array.from(rowOf.subarray(1), (row) => row - 1);
}
