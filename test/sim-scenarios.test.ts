// Random networks and programs: every byte right, every connection ended, nothing left behind.
// RING3_SIM: how many (2000); RING3_SIM_SEED: the first seed (1). A failure names its seed and a pcapng file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, PacketMemory } from '../src/sim/index.ts';
import { playScenario } from './support/sim-scenario.ts';

const COUNT = Number(process.env['RING3_SIM'] ?? 2000);
const FIRST = Number(process.env['RING3_SIM_SEED'] ?? 1);
/** Failures told of before giving up. */
const MOST = 5;

test(`${COUNT} random networks: every byte is right, every connection ends, nothing is left`, {
  timeout: 1_800_000,
}, (t) => {
  const failures: string[] = [];
  let packets = 0;
  let orderly = 0;
  let connections = 0;
  let memory = new PacketMemory({ small: 32_768, large: 512 });
  const before = process.cpuUsage();
  for (let seed = FIRST; seed < FIRST + COUNT && failures.length < MOST; seed++) {
    try {
      const result = attempt({ seed, memory }, playScenario);
      packets += result.packets;
      orderly += result.orderly;
      connections += result.connections;
    } catch (error) {
      failures.push((error as Error).message);
      memory = new PacketMemory({ small: 32_768, large: 512 });
    }
  }
  const cpu = process.cpuUsage(before);
  t.diagnostic(
    `${connections} connections, ${orderly} ended in order; ${packets} packets; ${(cpu.user + cpu.system) / 1e6} s of CPU`,
  );
  assert.deepEqual(failures, []);
});
