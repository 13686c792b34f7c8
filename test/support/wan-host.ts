// A program for tests: a host of a WAN on the kernel's stack. Prints "ready".
// Started by wan.ts inside a namespace: node wan-host.js SOCKET; calls wan-app.ts with node:net.

import { readFileSync } from 'node:fs';
import net from 'node:net';
import { control, obey, serve, type WanOrder } from './wan-app.ts';

/** The kernel's counters of this namespace: `TcpRetransSegs`, `TcpExtTCPTimeouts` and so on, as nstat names them. */
function counters(): Record<string, number> {
  const found: Record<string, number> = {};
  for (const file of ['/proc/net/snmp', '/proc/net/netstat']) {
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const names = lines[i]!.split(' ');
      const values = lines[i + 1]!.split(' ');
      for (let k = 1; k < names.length; k++) found[names[0]!.replace(':', '') + names[k]] = Number(values[k]);
    }
  }
  return found;
}

serve(net);
control<WanOrder>(process.argv[2]!, (order) => obey(net, order, () => ({ counters: counters() })));
process.stdout.write('ready\n');
