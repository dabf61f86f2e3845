export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Student's t for 95 %, two-sided, by degrees of freedom from 1 on; 2 beyond. */
const T95 = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365];

/** Half the 95 % confidence interval of the mean: few rounds say little of the next run. 0 for a single value. */
export function spread(values: readonly number[]): number {
  const n = values.length;
  if (n < 2) return 0;
  const mean = sum(values) / n;
  const deviation = Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / (n - 1));
  return ((T95[n - 2] ?? 2) * deviation) / Math.sqrt(n);
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
