// Wireshark's opinion of a capture file: what tshark finds malformed or wrongly summed, and how many packets match a filter.
// Called by tests behind needs({ programs: ['tshark'] }); calls run.ts.

import { runOk } from './run.ts';

/** Every checksum is verified, whatever the user's preferences say. */
const VERIFY = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);
/** Checksum status 0 is "bad" in Wireshark. The expert severity "error" stands for malformed packets and the like. */
const BAD = [
  '_ws.malformed',
  '_ws.short',
  '_ws.expert.severity == "Error"',
  'ip.checksum.status == 0',
  'tcp.checksum.status == 0',
  'udp.checksum.status == 0',
  'icmp.checksum.status == 0',
  'icmpv6.checksum.status == 0',
].join(' || ');

/** The kernel writes a sum of 0 as 0xffff where it sums by itself, for TCP too: the same number to whoever verifies (one packet in 65,536). */
const SAME_SUM = /Checksum 0xffff instead of 0x0000 \(see RFC 1624\)$/;

/** One line for each packet that Wireshark objects to, among those that match `filter`. */
export async function complaints(file: string, filter = ''): Promise<string[]> {
  const display = filter === '' ? BAD : `(${filter}) && (${BAD})`;
  const fields = ['frame.number', '_ws.col.Source', '_ws.col.Destination', '_ws.col.Info', '_ws.expert.message'];
  const out = await runOk(
    'tshark',
    ['-n', '-r', file, ...VERIFY, '-Y', display, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])],
    { timeout: 90_000 },
  );
  return out.split('\n').filter((line) => line !== '' && !SAME_SUM.test(line));
}

/** How many packets of the file match each display filter. */
export async function packets(file: string, ...filters: string[]): Promise<number[]> {
  const counts: number[] = [];
  for (const filter of filters) {
    const out = await runOk('tshark', ['-n', '-r', file, '-Y', filter, '-T', 'fields', '-e', 'frame.number'], {
      timeout: 90_000,
    });
    counts.push(out.split('\n').length - 1);
  }
  return counts;
}
