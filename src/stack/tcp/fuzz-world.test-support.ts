// Test support: a stack with one to three live connections, on which the actions of a fuzzer are played; everything that must hold
// is looked at after each. Called by fuzz-target.test-support.ts; calls fuzz-conn (one connection), audit (rows) and probe.

import assert from 'node:assert/strict';
import { BATCH } from '../../base/link.ts';
import { auditAll } from './audit.test-support.ts';
import { OPT_LINGER0 } from './flags.ts';
import { type Action, OPERATIONS, toText } from './fuzz-actions.test-support.ts';
import * as C from './fuzz-choices.test-support.ts';
import { pick } from './fuzz-choices.test-support.ts';
import { type Config, config } from './fuzz-config.test-support.ts';
import { FuzzConn } from './fuzz-conn.test-support.ts';
import { be32, octets, VARIANTS } from './fuzz-values.test-support.ts';
import { Peer, Probe } from './probe.test-support.ts';
import { Reference } from './reference.test-support.ts';
import { pipe } from './scoreboard.ts';
import type { Sent } from './segments.test-support.ts';

const MAY_SEND: readonly string[] = ['ESTABLISHED', 'CLOSE-WAIT'];
const HOUR = 3600e6;
/** A full link makes the stack look again every millisecond: not for long, or the run takes for ever. */
const FULL_LINK_TIME = 300_000;

export class FuzzWorld {
  readonly config: Config;
  readonly probe: Probe;
  readonly conns: FuzzConn[] = [];
  /** Lines that tell what happens, for people. */
  tell: ((line: string) => void) | undefined;
  #listener = 0;
  /** Segments that wait for others, and how many may. */
  readonly #held: Uint8Array[] = [];
  #batch = 0;
  readonly #linger: Set<FuzzConn> = new Set();
  /** The window field of the honest peer. */
  #window: number;

  constructor(first: Action, tell?: (line: string) => void) {
    this.config = config(first);
    this.tell = tell;
    this.#window = this.config.window;
    this.probe = new Probe(this.config.probe);
    for (let n = 0; n < this.config.conns; n++) this.#open(n);
    this.#after(false);
  }

  #open(n: number): void {
    const { config: k, probe } = this;
    const p = new Peer(probe, 5000 + n, k.iss + n * 1_000_000);
    p.listener = this.#listener;
    const ts = k.ts ? [1, 1, 8, 10, ...be32(1_000_000 + probe.now / 1000), 0, 0, 0, 0] : [];
    const raw = [
      2,
      4,
      k.mss >> 8,
      k.mss & 255,
      ...(k.sack ? [4, 2] : []),
      ...(k.scale >= 0 ? [3, 3, k.scale] : []),
      ...ts,
    ];
    const passive = n >= k.active;
    if (passive && p.listener === 0) p.listen();
    if (passive) this.#listener = p.listener;
    const syn = passive ? undefined : this.#connect(p);
    p.inject((passive ? 'S' : 'SA') + (k.ecn ? (passive ? 'EW' : 'E') : ''), { raw, win: k.window });
    const answer = p.take()[0]!;
    const own = syn ?? answer;
    const stamps = k.ts ? [1, 1, 8, 10, ...be32(1_000_000 + probe.now / 1000), ...be32(own.tsVal ?? 0)] : [];
    if (passive) {
      p.inject('A', { raw: stamps, win: k.window });
      assert.ok(p.accept() > 0, 'accept');
    }
    const agreed = (mine: boolean, its: boolean): boolean => mine && its;
    const scaled = agreed(k.scale >= 0, own.ws !== undefined);
    const terms = {
      mss: k.mss === 0 ? (probe.version === 4 ? 536 : 1220) : Math.max(64, k.mss),
      sack: agreed(k.sack, own.sackOK),
      ts: agreed(k.ts, own.tsVal !== undefined),
      stamps: probe.stack.core.settings.tcpTimestamps,
      scale: scaled ? own.ws! : 0,
      peerScale: scaled ? k.scale : 0,
      passive,
      single: (k.probe.gso ?? 0) === 0,
      strict: k.strict,
    };
    const window = passive ? k.window << terms.peerScale : k.window;
    const tsRecent = terms.ts ? (1_000_000 + probe.now / 1000) | 0 : undefined;
    const ref = new Reference(own.win, window, passive ? 1 : 0, tsRecent, probe.now);
    if (!passive) ref.sends(1, 1, 0, false, answer.win << terms.scale);
    const c = new FuzzConn(n, p, ref, terms);
    c.heardTs = own.tsVal ?? 0;
    c.tell = (line) => this.tell?.(`${this.#time(probe.now)} ${n} ${line}`);
    c.deliver = (packet, alone) => this.#deliver(packet, alone);
    this.conns.push(c);
  }

  #connect(p: Peer): Sent {
    p.h = p.tcp.connect(0, 0, 0, 0, 0, ...p.words, p.port, 0);
    this.probe.settle();
    return p.take()[0]!;
  }

  /** Hands a packet to the stack, or keeps it for a pass with others. What may end a connection, or open the next, comes alone. */
  #deliver(packet: Uint8Array, alone: boolean): void {
    if (alone && this.#held.length > 0) {
      this.probe.deliver(...this.#held.splice(0));
      this.#after(false);
    }
    if (alone) this.#batch = 0;
    this.#held.push(packet);
    if (this.#held.length <= this.#batch) return;
    this.#batch = 0;
    this.probe.deliver(...this.#held.splice(0));
  }

  /** Plays one action; fails if anything is then as it must not be. */
  act(a: Action): void {
    if (a.op === 'world') return;
    const arg = (name: string): number => a.args[OPERATIONS[a.op].indexOf(name)] ?? 0;
    const c = this.conns[arg('conn') % this.conns.length]!;
    this.tell?.(`${this.#time(this.probe.now)} ${toText([a]).trim()}`);
    this[`_${a.op}`](c, arg);
    this.#after(a.op === 'advance');
  }

  #time(us: number): string {
    return ((us - 10_000_000) / 1e6).toFixed(6);
  }

  /** New text has gone out: what is in the network is within the congestion window, limited transmit (RFC 3042) and a probe apart. */
  #flight(c: FuzzConn, late: boolean): void {
    const t = c.row;
    const news = c.ref.max > c.before.max;
    const cwnd = c.before.cwnd;
    c.before.max = c.ref.max;
    c.before.cwnd = t?.cwnd ?? 0;
    if (!news || late || t === null || c.ref.state === 'CLOSED') return;
    const flight = pipe(t);
    const limit = Math.max(cwnd, t.cwnd) + 3 * t.mss + 1;
    assert.ok(flight <= limit, `${flight} in flight, congestion window ${cwnd} and ${t.cwnd}, MSS ${t.mss}`);
  }

  /** What must hold now. */
  #after(late: boolean): void {
    const { probe } = this;
    const { tcp, memory } = probe.stack;
    probe.settle();
    for (const s of probe.sent.splice(0)) {
      const c = this.conns.find((one) => one.p.port === s.dstPort)!;
      this.tell?.(`${this.#time(s.at)} ${c.n} < ${c.describe(s)}`);
      c.sent(s);
    }
    probe.other.length = 0;
    while (tcp.nextReady() !== 0);
    for (const c of this.conns) {
      c.compare(late);
      this.#flight(c, late);
      c.adopt();
    }
    auditAll(tcp.engine);
    if (probe.room > 0) assert.equal(memory.frames.used, probe.baseline, 'frames in use');
    // A SYN may have replaced a connection in TIME-WAIT; nobody wants the new one.
    for (let h = this.#accept(); h > 0; h = this.#accept()) tcp.abort(h);
  }

  #accept(): number {
    return this.#listener === 0 ? 0 : this.probe.stack.tcp.accept(this.#listener);
  }

  // ---- the actions: _NAME for each of OPERATIONS ------------------------------------------------------------------------

  _world(): void {}

  _segment(c: FuzzConn, arg: (name: string) => number): void {
    const seq = pick(C.seqMarks(c), arg('seq')) + pick(C.DISTANCES, arg('dseq'));
    const ack = pick(C.ackMarks(c), arg('ack')) + pick(C.DISTANCES, arg('dack'));
    c.shoot({
      flags: pick(C.FLAGS, arg('flags')),
      seq,
      ack,
      win: pick([this.#window, ...C.WINDOWS], arg('win')),
      length: Math.min(pick(C.LENGTHS, arg('len')), 1400),
      variant: arg('variant') % VARIANTS,
      ts: C.stamps(c, arg('ts')),
      options: C.extraOptions(c, arg('extra')),
      urgent: arg('extra'),
      ecn: pick([0, 0, 2, 3], arg('ecn')),
    });
  }

  _data(c: FuzzConn, arg: (name: string) => number): void {
    c.nxt += (arg('skip') % 8) * 100 * (c.ref.fin < 0 ? 1 : 0);
    for (let n = 1 + (arg('count') % 6); n > 0; n--) {
      const room = c.ref.fin < 0 ? c.ref.edge - c.nxt : 0;
      const length = Math.min(1400, pick(C.LENGTHS, arg('len')), room);
      if (length <= 0 || c.ref.state === 'CLOSED') return;
      c.say('PA', c.nxt, length, this.#window);
      c.nxt += length;
      this.#after(false);
    }
  }

  _fill(c: FuzzConn, arg: (name: string) => number): void {
    for (let n = 1 + (arg('count') % 4); n > 0; n--) this.#fill(c, Math.max(1, pick(C.LENGTHS, arg('len'))));
  }

  #fill(c: FuzzConn, most: number): void {
    const { ref } = c;
    const length = Math.min(1400, most, c.nxt - ref.next, ref.edge - ref.next);
    if (ref.state === 'CLOSED' || length <= 0) return;
    c.say('A', ref.next, length, this.#window);
    this.#after(false);
  }

  _fin(c: FuzzConn): void {
    if (c.ref.state !== 'CLOSED') c.say('FA', c.nxt, 0, this.#window);
  }

  _hear(c: FuzzConn, arg: (name: string) => number): void {
    const win = pick([this.#window, ...C.WINDOWS], arg('win'));
    const mode = arg('reply') % 6;
    let due = false;
    for (let n = 0; n < 1 + (arg('count') % 12) && c.wire.length > 0; n++) {
      const [s] = c.wire.splice(arg('from') % c.wire.length, 1);
      if (((arg('loss') >> (n % 8)) & 1) !== 0 || c.ref.state === 'CLOSED') continue;
      const duplicate = c.hear(s!);
      due = mode === 1 || mode === 5;
      if (mode === 0 || mode === 3 || mode === 4) c.answer(win, mode === 4 ? duplicate : undefined);
      this.#after(false);
      if (mode !== 3 || c.ref.state === 'CLOSED') continue;
      c.answer(win);
      this.#after(false);
    }
    if (due && c.ref.state !== 'CLOSED') c.answer(win);
  }

  _advance(_c: FuzzConn, arg: (name: string) => number): void {
    this.probe.deliver(...this.#held.splice(0));
    this.#after(false);
    const us = pick(C.TIMES, arg('time')) * (1 + (arg('times') % 4));
    this.probe.advance(this.probe.room === 0 ? Math.min(us, FULL_LINK_TIME) : us);
    this.#after(true);
    if (us < 1e6 || this.probe.room === 0) return;
    for (const { ref, terms } of this.conns) {
      const due = terms.strict && ref.state !== 'CLOSED';
      assert.ok(!due || ref.lastAckSent === ref.next, `RCV.NXT ${ref.next}, acknowledged ${ref.lastAckSent}`);
    }
  }

  _write(c: FuzzConn, arg: (name: string) => number): void {
    if (c.ref.orphan) return;
    const data = octets(1 + c.written, pick(C.SIZES, arg('size')), VARIANTS + c.n);
    const took = c.p.tcp.write(c.p.h, data, 0, data.length);
    if (took > 0) c.written += took;
    if (c.terms.strict && MAY_SEND.includes(c.ref.state) && !c.shut) assert.ok(took >= 0, `write: ${took}`);
  }

  _read(c: FuzzConn, arg: (name: string) => number): void {
    if (c.ref.orphan) return;
    const data = new Uint8Array(pick(C.SIZES, arg('size')));
    const want = Math.min(data.length, c.ref.readable);
    const got = c.p.tcp.read(c.p.h, data, 0, data.length);
    if (c.terms.strict) assert.equal(Math.max(0, got), want, `read ${data.length}: ${got}`);
    if (got > 0) c.took(data.subarray(0, got));
    if (got === 0 && c.terms.strict) assert.ok(c.ref.fin >= 0 && c.ref.next > c.ref.fin, 'the end without a FIN');
  }

  _shutdown(c: FuzzConn): void {
    if (!c.ref.orphan && c.p.tcp.shutdown(c.p.h) === 0) c.shut = true;
  }

  _close(c: FuzzConn): void {
    const { ref } = c;
    if (ref.orphan) return;
    ref.orphan = true;
    if (ref.state === 'TIME-WAIT') ref.read += ref.readable;
    else if (this.#linger.has(c) || ref.readable > 0) ref.state = 'CLOSED';
    else if (MAY_SEND.includes(ref.state)) c.shut = true;
    c.p.tcp.close(c.p.h);
  }

  _abort(c: FuzzConn): void {
    if (c.ref.orphan) return;
    c.ref.orphan = true;
    c.ref.state = 'CLOSED';
    c.p.tcp.abort(c.p.h);
  }

  _option(c: FuzzConn, arg: (name: string) => number): void {
    if (c.ref.orphan) return;
    const option = pick(C.OPTIONS, arg('option'));
    const value = pick(C.OPTION_VALUES, arg('value'));
    if (c.p.tcp.set(c.p.h, option, value) !== 0 || option !== OPT_LINGER0) return;
    if (value) this.#linger.add(c);
    else this.#linger.delete(c);
  }

  _icmp(c: FuzzConn, arg: (name: string) => number): void {
    const [type, code] = pick(this.probe.version === 4 ? C.ICMP4 : C.ICMP6, arg('kind'));
    const seq = pick(C.ackMarks(c), arg('seq')) + pick(C.DISTANCES, arg('dseq'));
    c.p.icmp(type, code, { seq, word: pick(C.MTUS, arg('mtu')) });
  }

  _room(_c: FuzzConn, arg: (name: string) => number): void {
    this.probe.room = arg('open') % 2 === 0 ? 0 : BATCH;
  }

  _batch(_c: FuzzConn, arg: (name: string) => number): void {
    if (!this.config.strict) this.#batch = arg('count') % 32;
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------

  /** The peers become honest, or vanish; the users close; time goes by. Nothing is left. */
  end(): void {
    this.probe.room = BATCH;
    this.#batch = 0;
    this.probe.deliver(...this.#held.splice(0));
    this.#after(false);
    if (this.config.ending === 'honest') this.#finish();
    if (this.config.ending === 'silent') this.#vanish();
    for (const c of this.conns) {
      if (this.config.ending === 'abort') this._abort(c);
      else this._close(c);
    }
    this.#after(false);
    this.probe.advance(2 * HOUR);
    this.#after(true);
    if (this.#listener !== 0) this.probe.stack.tcp.close(this.#listener);
    this.probe.advance(2 * HOUR);
    this.probe.sent.length = 0;
    this.probe.assertClean();
  }

  /** The peers fall silent: what has something to say finds out. */
  #vanish(): void {
    const waiting = this.conns.filter(
      (c) => c.ref.state !== 'CLOSED' && (c.ref.una < c.ref.max || c.written >= c.ref.max),
    );
    this.probe.advance(2 * HOUR);
    this.#after(true);
    for (const c of waiting) assert.equal(c.ref.state, 'CLOSED', `connection ${c.n} waits for ever`);
  }

  /** Everything that was written arrives, and everything that the peer has sent is read, whatever has happened before. */
  #finish(): void {
    for (const c of this.conns) this._shutdown(c);
    this.#window = 65_535;
    const done = (c: FuzzConn): boolean =>
      c.ref.state === 'CLOSED' || (c.ref.una === c.written + 2 && c.ref.next === c.nxt + 1 && c.ref.readable === 0);
    for (let round = 0; round < 60 && !this.conns.every(done); round++) {
      for (const c of this.conns) if (c.ref.state !== 'CLOSED') this.#round(c);
      // Now and then long enough for a timer that has backed off as far as it goes.
      this.probe.advance(round % 10 === 9 ? 130e6 : 10e6);
      this.#after(true);
    }
    for (const c of this.conns) {
      if (c.ref.state === 'CLOSED') continue;
      if (c.shut) assert.equal(c.ref.una, c.written + 2, `connection ${c.n}: not all that was written has arrived`);
      if (!c.ref.orphan) assert.equal(c.ref.next, c.nxt + 1, `connection ${c.n}: not all that the peer sent was taken`);
      assert.equal(c.ref.readable, 0, 'all is read');
    }
  }

  #round(c: FuzzConn): void {
    for (let n = 0; n < 1000 && c.wire.length > 0 && c.ref.state !== 'CLOSED'; n++) {
      c.hear(c.wire.shift()!);
      c.answer(this.#window);
      this.#after(false);
    }
    // Not every ACK brings text out: a window that was closed, for instance.
    if (c.ref.state !== 'CLOSED') c.answer(this.#window);
    this.#after(false);
    for (let n = 0; n < 100 && c.ref.state !== 'CLOSED'; n++) {
      if (c.ref.readable > 0 && !c.ref.orphan) this._read(c, () => C.SIZES.length - 1);
      else if (c.ref.next > c.nxt || c.ref.edge === c.ref.next) return;
      this.#after(false);
      if (c.ref.next === c.nxt) {
        c.say('FA', c.nxt, 0, this.#window);
        this.#after(false);
      }
      this.#fill(c, 1400);
    }
  }
}
