// Random and damaged segments into connections in every state, with a user who does anything: nothing throws, memory stays bounded,
// a connection that has nothing to do with it goes on, and nothing is left behind. A failure names its seed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRng } from '../../base/rng.ts';
import { pattern } from '../pair.test-support.ts';
import { OPT_KEEPALIVE, OPT_KEEPIDLE, OPT_LINGER0, OPT_NODELAY, OPT_RCVBUF, OPT_SNDBUF } from './flags.ts';
import { Peer, Probe } from './probe.test-support.ts';
import { internetSum } from './segments.test-support.ts';

const FLAGS = 'A A A A FA FA PA UA S SA F R RA SF SR FR SP EWA SFRPAU'.split(' ').concat('');
const OPTIONS = [OPT_NODELAY, OPT_KEEPALIVE, OPT_KEEPIDLE, OPT_LINGER0, OPT_RCVBUF, OPT_SNDBUF];

class Fuzzer {
  readonly rng: SeededRng;
  readonly probe: Probe;
  readonly peers: Peer[] = [];
  readonly innocent: Peer;

  constructor(seed: number) {
    this.rng = new SeededRng(seed);
    this.probe = new Probe({ v6: seed % 2 === 1, gso: seed % 3 === 1 ? 65535 : 0, settings: { tcpRows: 40 } });
    this.innocent = new Peer(this.probe, 1).establish();
    for (let n = 0; n < 6; n++) {
      const p = new Peer(this.probe, 100 + n, this.rng.int32());
      p.listener = this.innocent.listener;
      this.peers.push(p);
    }
  }

  pick<T>(list: readonly T[]): T {
    return list[this.rng.below(list.length)]!;
  }

  /** A number near `n`, or anywhere. */
  near(n: number): number {
    const spread = this.pick([0, 0, 1, 2, 10, 1460, 70_000, 2 ** 31]);
    return spread === 0 ? n : n - spread + this.rng.below(2 * spread - 1);
  }

  segment(p: Peer): void {
    const { rng } = this;
    const flags = this.pick(FLAGS);
    const raw = rng.below(4) === 0 ? Array.from({ length: 4 * rng.below(10) }, () => rng.below(12)) : undefined;
    const packet = p.packet(flags, {
      seq: this.near(p.seq),
      ack: this.near(p.ack),
      win: this.pick([0, 1, 100, 65535, rng.below(65536)]),
      data: this.pick([0, 0, 1, 100, 1400, rng.below(1400)]),
      urgent: rng.below(65536),
      ...(raw
        ? { raw }
        : this.pick([{}, { mss: rng.below(2000) }, { mss: 1460, ws: rng.below(20) }, { ts: rng.int32() }])),
    });
    this.damage(packet);
    this.probe.deliver(packet);
  }

  /** Now and then some bytes change, and sometimes the checksums fit again. */
  damage(packet: Uint8Array): void {
    const { rng } = this;
    if (rng.below(3) !== 0) return;
    for (let n = 1 + rng.below(3); n > 0; n--) packet[rng.below(Math.min(packet.length, 80))] = rng.below(256);
    if (packet[0] !== 0x45 || rng.below(3) === 0) return;
    for (const [from, to, at] of [
      [0, 20, 10],
      [20, packet.length, 36],
    ] as const) {
      packet[at] = packet[at + 1] = 0;
      const pseudo =
        at === 10 ? 0 : internetSum([...packet.subarray(12, 20), 0, 6, (to - from) >> 8, (to - from) & 255]);
      const sum = ~internetSum(packet.subarray(from, to), pseudo);
      packet[at] = sum >> 8;
      packet[at + 1] = sum;
    }
  }

  user(p: Peer): void {
    const { rng } = this;
    switch (rng.below(9)) {
      case 0:
        p.tcp.write(p.h, pattern(rng.below(30_000)), 0, rng.below(30_000));
        break;
      case 1:
        p.tcp.read(p.h, new Uint8Array(5000), 0, rng.below(5000));
        break;
      case 2:
        p.tcp.shutdown(p.h);
        break;
      case 3:
        if (rng.below(4) === 0) p.tcp.close(p.h);
        break;
      case 4:
        if (rng.below(8) === 0) p.tcp.abort(p.h);
        break;
      case 5:
        p.tcp.set(p.h, this.pick(OPTIONS), this.pick([0, 1, 4096, 1e6, rng.below(1 << 20)]));
        break;
      case 6:
        p.icmp(rng.below(5), rng.below(5), { seq: this.near(p.ack), word: rng.below(1500) });
        break;
      default:
        if (p.tcp.state(p.h) === 0) this.begin(p);
    }
  }

  /** A fresh connection of `p`, either way, or the rest of the handshake. */
  begin(p: Peer): void {
    p.tcp.abort(p.h);
    p.h = 0;
    p.seq = 0;
    const way = this.rng.below(4);
    if (way < 2) p.h = p.tcp.accept(p.listener);
    else if (way === 2) {
      p.stackPort = 80;
      p.inject('S', this.pick([{ mss: 1460 }, { mss: 1000, ws: 7, ts: 1 }, {}]));
    } else {
      p.h = Math.max(0, p.tcp.connect(0, 0, 0, 0, 0, ...p.words, p.port, 0));
    }
  }

  /** What a well-behaved peer would say, so that connections get anywhere. */
  answer(p: Peer): void {
    const sent = p.take();
    if (sent.length === 0 || this.rng.below(3) === 0) return;
    const last = sent.at(-1)!;
    if (last.flags.includes('R')) return;
    p.inject(
      last.flags === 'S' ? 'SA' : 'A',
      last.flags === 'S' ? { seq: 0, mss: 1460 } : { data: this.pick([0, 0, 50]) },
    );
  }

  step(): void {
    const p = this.pick(this.peers);
    const n = this.rng.below(10);
    if (n < 6) this.segment(p);
    else if (n < 8) this.user(p);
    else this.answer(p);
    if (this.rng.below(4) === 0) this.probe.advance(this.pick([1, 1000, 50_000, 300_000, 2e6]));
    if (this.rng.below(200) === 0) this.probe.advance(200e6);
    while (this.probe.stack.tcp.nextReady() !== 0);
    if (this.probe.sent.length > 1000) this.probe.sent.length = 0;
  }

  /** The innocent connection carries a line each way. */
  echo(n: number): void {
    const p = this.innocent;
    this.probe.sent.length = 0;
    p.inject('A', { data: `line ${n}` });
    assert.equal(p.readText(), `line ${n}`);
    assert.equal(p.write(`answer ${n}`), `answer ${n}`.length);
    p.expect('A', { data: `answer ${n}`, ack: p.seq });
    p.inject('A');
    assert.equal(p.state, 'ESTABLISHED');
  }

  /** Everything is closed, and time goes by. */
  end(): void {
    const { tcp } = this.probe.stack;
    for (const p of this.peers) tcp.abort(p.h);
    for (let h = tcp.accept(this.innocent.listener); h > 0; h = tcp.accept(this.innocent.listener)) tcp.abort(h);
    this.innocent.abort();
    this.innocent.closeListener();
    this.probe.advance(3600e6);
    this.probe.sent.length = 0;
    this.probe.assertClean();
  }
}

for (let seed = 1; seed <= 12; seed++) {
  test(`seed ${seed}`, () => {
    const f = new Fuzzer(seed);
    for (let n = 0; n < 2500; n++) {
      f.step();
      if (n % 250 === 249) f.echo(n);
    }
    f.end();
  });
}
