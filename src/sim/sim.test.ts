// Simulations: transfers over wires, routers and dead links; what they tell; and that a seed gives one run.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OPT_KEEPALIVE, OPT_KEEPIDLE } from '../stack/tcp/flags.ts';
import { readPcapng } from '../wire/pcapng-reader.ts';
import { Sim } from './sim.ts';
import { trace, traceCsv } from './trace.ts';

const SECOND = 1e6;
const MEMORY = { small: 4096, large: 64 };

/** Nothing is left anywhere, two hours later. */
function atRest(sim: Sim): void {
  sim.run(sim.now + 7200 * SECOND);
  for (const host of sim.hosts) {
    assert.equal(host.tcp.used, 0, host.name);
    assert.equal(host.stack.memory.frames.used, 0, host.name);
    assert.equal(host.stack.memory.spans.used, 0, host.name);
  }
  assert.equal(sim.inFlight, 0);
  sim.close();
}

describe('sim', () => {
  test('a transfer over a shaped link arrives whole, at nearly its rate', () => {
    const sim = new Sim({ memory: MEMORY });
    const [a, b] = [sim.host('a'), sim.host('b')];
    sim.link(a, b, { rate: 20e6, delay: 2000, queue: { packets: 1000 } });
    const flow = sim.bulk(a, b, 10_000_000);
    assert.ok(sim.settle(60 * SECOND));
    assert.equal(flow.server?.received, 10_000_000);
    assert.equal(flow.client.error, '');
    // 1448 of 1500 bytes are payload; a little for the handshake and slow start.
    assert.ok(flow.goodput() > 20e6 * (1448 / 1500) * 0.99, `${flow.goodput()}`);
    assert.ok(flow.goodput() < 20e6 * (1448 / 1500));
    atRest(sim);
  });

  test('a handshake takes a round trip, to the microsecond', () => {
    const sim = new Sim({ memory: MEMORY });
    const [a, b] = [sim.host('a'), sim.host('b')];
    sim.link(a, b, { forward: { delay: 12_345 }, back: { delay: 700 } });
    const flow = sim.connect(a, b);
    sim.settle(SECOND);
    assert.equal(flow.client.connectedAt, 13_045);
    assert.equal(flow.server?.connectedAt, 13_045 + 12_345);
    atRest(sim);
  });

  for (const version of [4, 6] as const) {
    test(`IPv${version}: a router says that packets are too large for a link, and smaller ones come`, () => {
      const sim = new Sim({ memory: MEMORY });
      const [a, b] = [sim.host('a'), sim.host('b')];
      const [r, s] = [sim.router('r'), sim.router('s')];
      sim.link(a, r, { delay: 1000 });
      sim.link(r, s, { delay: 1000, mtu: 1300 });
      sim.link(s, b, { delay: 1000 });
      const flow = sim.connect(a, b, { version, client: { bytes: 100_000 } });
      sim.run(3500);
      const mtu = (): number | undefined => a.tcp.info(flow.client.handle)?.pathMtu;
      assert.equal(mtu(), 1500);
      while (mtu() === 1500 && sim.step(SECOND));
      assert.equal(mtu(), 1300);
      assert.ok(sim.settle(60 * SECOND));
      assert.equal(flow.server?.received, 100_000);
      assert.ok(r.counters.tooBig > 0 && r.counters.errorsSent === r.counters.tooBig);
      atRest(sim);
    });
  }

  test('packets that go round in circles expire, and their sender is told', () => {
    const sim = new Sim({ memory: MEMORY });
    const [a, b] = [sim.host('a'), sim.host('b')];
    const [r, s] = [sim.router('r'), sim.router('s')];
    sim.link(a, r, { delay: 100 });
    const circle = sim.link(r, s, { delay: 100 });
    sim.link(s, b, { delay: 100 });
    s.route('10.0.0.2/32', circle.back);
    sim.connect(a, b);
    sim.run(SECOND / 2);
    assert.equal(r.counters.expired + s.counters.expired, 1);
    assert.equal(r.counters.errorsSent + s.counters.errorsSent, 1);
    assert.equal(circle.forward.counters.sent, 32, 'a TTL of 64 is 63 hops');
    assert.equal(a.stack.core.counters.get('icmp_received'), 1);
    sim.close();
  });

  test('a partition stops a transfer, which goes on afterwards', () => {
    const sim = new Sim({ memory: MEMORY });
    const [a, b] = [sim.host('a'), sim.host('b')];
    const link = sim.link(a, b, { rate: 10e6, delay: 5000 });
    sim.partition(link, 0.5 * SECOND, 3 * SECOND);
    const flow = sim.bulk(a, b, 2_000_000);
    sim.run(1 * SECOND);
    const before = flow.server!.received;
    sim.run(2.9 * SECOND);
    assert.equal(flow.server!.received, before);
    assert.ok(sim.settle(60 * SECOND));
    assert.equal(flow.server?.received, 2_000_000);
    atRest(sim);
  });

  test('ends as planned: half close, abort, a peer that reads late and slowly', () => {
    const sim = new Sim({ memory: MEMORY });
    const small = { settings: { tcpReceiveBuffer: 8192, tcpSendBuffer: 8192 } };
    const [a, b] = [sim.host('a', small), sim.host('b', small)];
    sim.link(a, b, { rate: 10e6, delay: 5000 });
    const half = sim.connect(a, b, {
      client: { bytes: 1000 },
      server: { bytes: 50_000, writeEvery: 10_000, writeSize: 1000 },
    });
    const aborted = sim.connect(a, b, {
      client: { bytes: 1000, end: 'abort', writeEvery: 20_000, writeSize: 500 },
      server: {},
    });
    const slow = sim.connect(a, b, {
      client: { bytes: 60_000 },
      server: { readAfter: 5 * SECOND, readSize: 3000, readEvery: 100_000 },
    });
    assert.ok(sim.settle(600 * SECOND));
    assert.deepEqual([half.client.error, half.server?.error, half.client.received], ['', '', 50_000]);
    assert.deepEqual([aborted.client.error, aborted.server?.error], ['aborted', 'ECONNRESET']);
    assert.deepEqual([slow.server?.error, slow.server?.received], ['', 60_000]);
    assert.ok(slow.server!.doneAt > 5 * SECOND + 20 * 100_000);
    atRest(sim);
  });

  test('a window that opens while the link is down is found out by a probe', () => {
    const sim = new Sim({ memory: MEMORY });
    const [a, b] = [sim.host('a'), sim.host('b', { settings: { tcpReceiveBuffer: 8192 } })];
    const link = sim.link(a, b, { rate: 10e6, delay: 5000 });
    const flow = sim.connect(a, b, { client: { bytes: 20_000 }, server: { readAfter: 2 * SECOND } });
    sim.partition(link, 1.9 * SECOND, 2.1 * SECOND);
    assert.ok(sim.settle(60 * SECOND));
    assert.equal(flow.server?.received, 20_000);
    assert.ok(link.back.counters.down > 0);
    atRest(sim);
  });

  test('superframes exist inside a host only: on the wire each packet is lost alone', () => {
    const sim = new Sim({ memory: MEMORY });
    const [a, b] = [sim.host('a', { gso: 65_535 }), sim.host('b')];
    const link = sim.link(a, b, { rate: 100e6, delay: 1000, forward: { loss: { model: 'list', packets: [30] } } });
    const flow = sim.bulk(a, b, 1_000_000);
    assert.ok(sim.settle(60 * SECOND));
    assert.equal(flow.server?.received, 1_000_000);
    assert.equal(link.forward.counters.lost, 1);
    assert.ok(a.stack.core.counters.get('tcp_sent') < link.forward.counters.sent, 'the stack has sent superframes');
    assert.ok(link.forward.counters.sentBytes / link.forward.counters.sent <= 1500);
    atRest(sim);
  });

  test('the same seed gives the same run, another one another', () => {
    const run = (seed: number, coalesce = 0): string => {
      const sim = new Sim({ seed, memory: MEMORY });
      const [a, b] = [sim.host('a', { coalesce }), sim.host('b', { coalesce })];
      const link = sim.link(a, b, { rate: 10e6, delay: 5000, jitter: 2000, loss: 0.02, duplicate: 0.01 });
      const flow = sim.bulk(a, b, 500_000);
      assert.ok(sim.settle(60 * SECOND));
      sim.close();
      return JSON.stringify([link.forward.counters, link.back.counters, flow.server?.doneAt]);
    };
    assert.equal(run(3), run(3));
    assert.notEqual(run(3), run(4));
    assert.notEqual(run(3), run(3, 100), 'gathered interrupts are another run');
  });

  test('the record is a pcapng file with every packet, and says why some were lost', () => {
    const blocks: Uint8Array[] = [];
    const sim = new Sim({ memory: MEMORY, record: (bytes) => blocks.push(bytes.slice()) });
    const [a, b] = [sim.host('a'), sim.host('b')];
    const link = sim.link(a, b, {
      rate: 5e6,
      delay: 10_000,
      queue: { packets: 4 },
      forward: { loss: { model: 'list', packets: [3] } },
    });
    sim.bulk(a, b, 100_000);
    assert.ok(sim.settle(60 * SECOND));
    const file = readPcapng(Buffer.concat(blocks));
    const names = file.interfaces.map((i) => i.name);
    assert.deepEqual(names, ['lost', 'a:b', 'b:a']);
    const count = (name: string, flags: number): number =>
      file.packets.filter((p) => p.interface.name === name && p.flags === flags).length;
    const { forward, back } = link;
    assert.equal(count('a:b', 2), forward.counters.sent);
    assert.equal(count('b:a', 1), forward.counters.received);
    assert.equal(count('b:a', 2), back.counters.sent);
    assert.ok(forward.counters.full > 0);
    const comments = file.packets.map((p) => p.comment).filter((c) => c !== '');
    assert.equal(comments.filter((c) => c === 'a>b: queue full').length, forward.counters.full);
    assert.equal(comments.filter((c) => c === 'a>b: lost').length, 1);
    sim.close();
  });

  test('a trace samples what tcp.info says, and is a table', () => {
    const sim = new Sim({ memory: MEMORY });
    const [a, b] = [sim.host('a'), sim.host('b')];
    sim.link(a, b, { rate: 10e6, delay: 20_000 });
    const flow = sim.bulk(a, b, 200_000);
    const samples = trace(sim, flow.client, 10_000);
    assert.ok(sim.settle(60 * SECOND));
    assert.ok(samples.length > 10);
    const cwnd = samples.map((s) => s.cwnd);
    assert.ok(Math.max(...cwnd) > 2 * cwnd[6]!, `${cwnd}`);
    assert.equal(samples[5]!.at, 50_000);
    const [head, ...lines] = traceCsv(samples).split('\n');
    assert.match(head!, /(^|,)cwnd(,|$)/);
    assert.equal(lines.length, samples.length);
    sim.close();
  });

  test('keepalive timers are set once for a deadline, however times are rounded', () => {
    // Times with fractions: now - then < idle although then + idle = now. The timer fired for ever at that moment.
    const sim = new Sim({ memory: MEMORY });
    const [a, b] = [sim.host('a'), sim.host('b')];
    sim.link(a, b, { delay: 1234.567, jitter: 1000 });
    const idle = 10_007;
    for (let i = 0; i < 200; i++) {
      sim.at(i * 7777.77, () => {
        sim.connect(a, b, {
          client: { bytes: 10, end: 'wait' },
          server: { end: 'wait' },
          options: [
            [OPT_KEEPALIVE, 1],
            [OPT_KEEPIDLE, idle * 1000],
          ],
        });
      });
    }
    sim.run(100 * SECOND);
    assert.ok(a.tcp.used > 0, 'they live');
    sim.close();
  });

  test('what cannot be built is refused', () => {
    const sim = new Sim({ memory: MEMORY });
    const [a, b, c] = [sim.host('a'), sim.host('b'), sim.host('c')];
    const link = sim.link(a, b);
    assert.throws(() => sim.link(a, c), /a has a link already/);
    const r = sim.router('r');
    assert.throws(() => r.route('10.0.0.0/8', link.forward), /does not begin at r/);
    assert.throws(() => r.route('nonsense', link.forward), RangeError);
    assert.throws(() => sim.connect(c, a), Error);
    sim.close();
  });
});
