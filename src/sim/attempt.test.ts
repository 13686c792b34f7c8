// A failure names its seed and leaves a record; the drive over Node's loop waits, ticks and gives up.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as realTime } from 'node:timers/promises';
import { createNet } from '../socket/net.ts';
import { readPcapng } from '../wire/pcapng-reader.ts';
import { attempt, SimulationError } from './attempt.ts';
import { NodeDrive } from './drive.ts';
import { Sim } from './sim.ts';

const MEMORY = { small: 1024, large: 16 };

test('attempt() gives what its body gives, or names the seed and leaves a pcapng file', () => {
  const body = (sim: Sim): number => {
    const [a, b] = [sim.host('a'), sim.host('b')];
    sim.link(a, b, { delay: 1000 });
    const flow = sim.bulk(a, b, 5000);
    sim.settle(1e6);
    assert.equal(sim.seed, 41, 'wrong on purpose');
    return flow.server!.received;
  };
  assert.equal(attempt({ seed: 41, memory: MEMORY }, body), 5000);
  assert.throws(
    () => attempt({ seed: 42, memory: MEMORY }, body),
    (error: unknown) => {
      assert.ok(error instanceof SimulationError);
      assert.equal(error.seed, 42);
      assert.match(error.message, /seed 42 .*wrong on purpose.*record: .*seed-42\.pcapng/s);
      const file = readPcapng(readFileSync(error.record));
      assert.ok(file.packets.length > 10);
      rmSync(dirname(error.record), { recursive: true });
      return true;
    },
  );
});

describe('NodeDrive', () => {
  function stage(tick?: (ms: number) => void): {
    sim: Sim;
    drive: NodeDrive;
    client: ReturnType<typeof createNet>;
    server: ReturnType<typeof createNet>;
  } {
    const sim = new Sim({ memory: MEMORY });
    const [a, b] = [sim.host('a'), sim.host('b')];
    sim.link(a, b, { rate: 10e6, delay: 50_000 });
    const drive = new NodeDrive(sim, tick ? { tick } : {});
    return { sim, drive, client: createNet(drive.network(a)), server: createNet(drive.network(b)) };
  }

  test('sockets talk in virtual time: an echo takes two round trips however long code runs', async () => {
    const { sim, drive, client, server } = stage();
    const listening = server.createServer((socket) => socket.pipe(socket)).listen(7);
    const socket = client.connect({ host: '10.0.0.2', port: 7 }) as Socket;
    socket.end('hello');
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    await drive.until(once(socket, 'end'));
    assert.equal(text, 'hello');
    assert.ok(sim.now >= 200_000 && sim.now < 260_000, `${sim.now}`);
    assert.equal((listening.address() as AddressInfo).port, 7);
    listening.close();
    drive.close();
  });

  test('mocked timers go by virtual time', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { sim, drive } = stage((ms) => t.mock.timers.tick(ms));
    let at = 0;
    const fired = new Promise<void>((resolve) => {
      setTimeout(() => {
        at = sim.now;
        resolve();
      }, 250);
    });
    await drive.until(fired);
    assert.equal(at, 250_000);
    await drive.run(1e6);
    assert.equal(sim.now, 1e6);
    drive.close();
  });

  test('virtual time waits for work that is held', async () => {
    const { sim, drive } = stage();
    await drive.run(1000);
    const work = drive.hold(realTime(20).then(() => 'done'));
    assert.equal(await drive.until(work), 'done');
    assert.equal(sim.now, 1000);
    drive.close();
  });

  test('who waits for what never comes is told so, with the seed', async () => {
    const { drive, client } = stage();
    const never = new Promise<never>(() => {});
    await assert.rejects(drive.until(never), /seed 1.*nothing will happen any more/);
    const socket = client.connect({ host: '10.0.0.2', port: 9 }) as Socket;
    const [error] = (await drive.until(once(socket, 'error'))) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');
    drive.close();
  });
});
