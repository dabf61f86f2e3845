/** A column of values for each of the parameters of an `unnest`. */
export const columns = <T>(items: readonly T[], ...of: ((item: T) => unknown)[]) =>
  of.map((column) => items.map(column));
