export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Half the distance between the least and the greatest; 0 for a single value. */
export const spread = (values: readonly number[]): number =>
  values.length === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / 2;

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
