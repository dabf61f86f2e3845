/** Every interval of the grid, milliseconds. The server sets them; nodes are told. */
export interface Intervals {
  /** How long a lease lasts after its last renewal, and a stream after its tab was heard of last. */
  ttlMs: number;
  /** How often a node renews. */
  renewMs: number;
  /** How long an offer stands. */
  acceptMs: number;
  /** How long an attempt may get no further. */
  stallMs: number;
  /** Between two words of progress of a node, at least. */
  progressMs: number;
  /** Between two looks for what is late. */
  lookMs: number;
  /** Between two signs of life that a socket is asked for; it is ended when two are missing. */
  pingMs: number;
  /** How long an offer for a stream waits for its answer. */
  answerMs: number;
}

export const INTERVALS: Intervals = {
  ttlMs: 30_000,
  renewMs: 10_000,
  acceptMs: 5_000,
  stallMs: 120_000,
  progressMs: 1_000,
  lookMs: 1_000,
  pingMs: 10_000,
  answerMs: 10_000,
};
