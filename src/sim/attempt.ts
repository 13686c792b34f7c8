// A simulation with a seed that tells about its failure: runs it, and where it throws once more with a record, left in a temporary folder.
// Called by users in their tests; calls sim and node:fs.

import { closeSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PacketMemory } from './net.ts';
import { Sim, type SimOptions } from './sim.ts';

/** Bytes of a record at most: of a failure the end counts, but the beginning is what Wireshark needs. */
const MOST = 1 << 30;

/** What attempt() throws: the seed and where the record is are in its message; the reason is its cause. */
export class SimulationError extends Error {
  readonly seed: number;
  /** Path of a pcapng file, or '' if it could not be written or the failure did not come again. */
  readonly record: string;

  constructor(seed: number, record: string, at: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `simulation with seed ${seed} fails at ${at} us: ${reason} (${record === '' ? 'no record' : `record: ${record}`})`,
      { cause },
    );
    this.name = 'SimulationError';
    this.seed = seed;
    this.record = record;
  }
}

/**
 * Builds and runs a simulation: `body` gets a Sim with `options.seed`, which is closed afterwards. Where it throws it is run again,
 * the same since the seed is, and every packet recorded; a SimulationError names the seed and the file. So a run that succeeds
 * pays nothing for the record.
 */
export function attempt<T>(options: SimOptions, body: (sim: Sim) => T): T {
  const sim = new Sim(options);
  try {
    return body(sim);
  } catch (error) {
    throw new SimulationError(sim.seed, again(options, body), sim.now, error);
  } finally {
    close(sim);
  }
}

/** A stack that has failed may fail again when it is closed: the first failure is the one to tell. */
function close(sim: Sim): void {
  try {
    sim.close();
  } catch {}
}

function again<T>(options: SimOptions, body: (sim: Sim) => T): string {
  const path = join(mkdtempSync(join(tmpdir(), 'ring3-sim-')), `seed-${options.seed ?? 1}.pcapng`);
  const file = openSync(path, 'w');
  let bytes = 0;
  const record = (block: Uint8Array): void => {
    bytes += block.length;
    if (bytes < MOST) writeSync(file, block);
  };
  // Memory of its own: the one that failed may have kept what belongs to it.
  const memory = options.memory instanceof PacketMemory ? {} : (options.memory ?? {});
  const sim = new Sim({ ...options, memory, record });
  try {
    body(sim);
    return '';
  } catch {
    return path;
  } finally {
    close(sim);
    closeSync(file);
  }
}
