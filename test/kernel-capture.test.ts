// What others see of ring3's packets: tcpdump beside the kernel, ring3's own recording, and Wireshark's dissectors over both.
// Run by node:test; calls test/support/kernel-rig.ts and dissect.ts.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { complaints, packets } from './support/dissect.ts';
import {
  client,
  clients,
  DEVICE,
  DEVICE_NEEDS,
  folder,
  KERNEL4,
  KERNEL6,
  listening,
  order,
  type Rig,
  STACK4,
  STACK6,
  stackRig,
  stopped,
} from './support/kernel-rig.ts';
import { needsAll } from './support/privileges.ts';

const NEEDS = needsAll(DEVICE_NEEDS, { programs: ['nc', 'tcpdump', 'tshark'] });
const BYTES = 400_000;

/** A little of everything, in both directions and both versions. */
async function traffic(rig: Rig): Promise<void> {
  const { ns } = rig;
  for (const address of [STACK4, STACK6]) {
    for (const size of [0, 1, 1473, 20_000])
      await ns.runOk('ping', ['-c', '1', '-W', '3', '-s', String(size), address]);
    await ns.run('nc', ['-w', '2', address, '4242']);
  }
  const jobs = [STACK4, STACK6].flatMap(
    (address) =>
      [
        ['udp', address, 7, 1, 2],
        ['udp', address, 7, 60_000, 2],
        ['udpConnected', address, 4242],
        ['download', address, 19, BYTES],
        ['upload', address, 9, BYTES],
      ] as const,
  );
  await clients(ns, ...jobs);
  for (const host of [KERNEL4, KERNEL6]) {
    const server = client(ns, 'echoServer', 45454);
    await listening(ns, 45454);
    await order(rig, { do: 'connect', host, port: 45454, bytes: 50_000 });
    await server;
  }
}

describe('packets in the eyes of Wireshark', { ...NEEDS, concurrency: 2 }, () => {
  for (const link of ['tap', 'tun'] as const) {
    for (const offload of [true, false]) {
      test(`${link}, ${offload ? 'superframes' : 'plain frames'}: ring3's own recording is without fault`, async (t) => {
        const file = join(folder(t), 'own.pcapng');
        const rig = await stackRig(t, { link, offload, capture: file });
        await traffic(rig);
        await stopped(rig.program);
        assert.deepEqual(await complaints(file), []);
        const [tcp, udp, fragments, errors, all] = await packets(
          file,
          'tcp',
          'udp',
          'ip.flags.mf == 1 || ipv6.fraghdr',
          'icmp.type == 3 || icmpv6.type == 1',
          'frame',
        );
        assert.ok(tcp! > 50 && udp! >= 16 && fragments! > 50 && errors! >= 2, `${tcp} ${udp} ${fragments} ${errors}`);
        assert.ok(all! >= tcp! + udp!);
        // Superframes were recorded as they are, and none where there are none.
        const [large] = await packets(file, 'frame.len > 1600');
        assert.equal(large! > 0, offload);
      });
    }
  }

  test('tap, plain frames: tcpdump beside the kernel sees nothing wrong in what ring3 sends', async (t) => {
    const file = join(folder(t), 'tcpdump.pcap');
    const rig = await stackRig(t, { link: 'tap', offload: false });
    const dump = rig.ns.start('tcpdump', [
      '-i',
      DEVICE,
      '-U',
      '-n',
      '-B',
      '8192',
      '-w',
      file,
      '-Z',
      'root',
      '-Q',
      'in',
    ]);
    await dump.output(/listening on/);
    await traffic(rig);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await dump.stop('SIGINT');
    assert.deepEqual(await complaints(file), []);
    const [tcp, udp, all] = await packets(file, 'tcp', 'udp', 'frame');
    assert.ok(tcp! > 100 && udp! > 8 && all! > 200, `${tcp} ${udp} ${all}`);
  });
});
