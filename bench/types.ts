// What a benchmark is: a module bench/NAME.bench.ts that exports `name` and `run`. scripts/bench.mjs runs each in a process of its own.
// Imported, as types, by the benchmarks; calls nothing.

/** What the command line asks of a benchmark. */
export interface BenchOptions {
  /** Be done in a few seconds: enough to see that it runs, too little for figures to trust. */
  readonly quick: boolean;
  /** `--set key=value` from the command line: sizes, counts, devices. */
  readonly set: Readonly<Record<string, string>>;
}

/** A line of the table: column name to value. Columns carry their unit in the name: `ns/segment`, `Gbit/s`. */
export type BenchRow = Readonly<Record<string, string | number | boolean | null>>;

/** What a benchmark found out. */
export interface BenchResult {
  readonly table: readonly BenchRow[];
  /** What a reader must know to trust the figures: versions, spread, what could not be measured and why. */
  readonly notes?: readonly string[];
}

/** The shape of a benchmark module. */
export interface Bench {
  /** One line: what is measured. */
  readonly name: string;
  run(options: BenchOptions): Promise<BenchResult>;
}
