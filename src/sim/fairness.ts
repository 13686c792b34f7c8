// Jain's fairness index (Jain, Chiu, Hawe 1984): 1 where all have the same, 1/n where one has everything.
// Called by tests and users; calls nothing.

/** The index of what each has; 1 for nothing at all. */
export function jain(shares: readonly number[]): number {
  let sum = 0;
  let squares = 0;
  for (const x of shares) {
    sum += x;
    squares += x * x;
  }
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}
