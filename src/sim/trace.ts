// Samples of a connection's state in virtual time: cwnd, round-trip time and whatever else tcp.info has.
// Called by users and tests; calls tcp.info every so often by the simulation's agenda.

import type { TcpInfo } from '../stack/tcp/info.ts';
import type { Peer } from './peer.ts';
import type { Sim } from './sim.ts';

/** One sample: what tcp.info says, and the time (us of the simulation). */
export type Sample = TcpInfo & { readonly at: number; readonly sent: number; readonly received: number };

/** Samples `peer` every `every` us from now on, until it is done. The array grows as the simulation runs. */
export function trace(sim: Sim, peer: Peer, every: number): Sample[] {
  if (!(every > 0)) throw new RangeError('trace: the interval is above 0');
  const samples: Sample[] = [];
  const sample = (): void => {
    if (peer.done) return;
    const info = peer.host.tcp.info(peer.handle);
    if (info !== null) samples.push({ ...info, at: sim.now, sent: peer.sent, received: peer.received });
    sim.after(every, sample);
  };
  sample();
  return samples;
}

/** Samples as comma-separated values with a header, for a plotting program. */
export function traceCsv(samples: readonly Sample[]): string {
  const names = Object.keys(samples[0] ?? {}) as (keyof Sample)[];
  return [names.join(','), ...samples.map((s) => names.map((name) => s[name]).join(','))].join('\n');
}
