// Test support: one stack on a recording link in virtual time; the test plays its peer, segment by segment.
// Called by the tests of tcp/; calls recorder and segments.test-support.
//
//   const p = new Peer();                 a stack at 10.0.0.1 or fd00::1; we are 10.0.0.2 or fd00::2
//   p.listen();                           the stack listens on port 80
//   p.inject('S', { mss: 1460 });         numbers count from each side's initial one, as in packetdrill
//   p.expect('SA', { seq: 0, ack: 1 });
//   p.inject('A');                        left out: our next number; all acknowledged that we have been sent

import assert from 'node:assert/strict';
import { pattern } from '../pair.test-support.ts';
import type { Stack } from '../stack.ts';
import { Probe, type ProbeOptions } from './recorder.test-support.ts';
import { type Address, type Fields, flagBits, ipPacket, type Sent, tcpPacket } from './segments.test-support.ts';
import { stateName } from './state.ts';
import { Endpoints } from './tcp.ts';

export { Probe, type ProbeOptions } from './recorder.test-support.ts';

const ADDRESSES: Record<4 | 6, [stack: Address, peer: Address]> = {
  4: [
    [10, 0, 0, 1],
    [10, 0, 0, 2],
  ],
  6: [
    [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
  ],
};
const WORDS: Record<4 | 6, [number, number, number, number]> = {
  4: [0, 0, 0xffff, 0x0a000002],
  6: [0xfd000000 | 0, 0, 0, 2],
};

/** The other end of one connection: what a test speaks as. */
export class Peer {
  readonly probe: Probe;
  /** Our port and initial sequence number; the stack's are learned from what it sends. */
  readonly port: number;
  readonly iss: number;
  stackPort = 80;
  stackIss = 0;
  /** The next number of ours, and the next of the stack's that we expect, both relative. */
  seq = 0;
  ack = 0;
  /** Window field, scale and timestamps that inject() uses unless told otherwise. */
  win = 65535;
  ts: number | undefined;
  tsVal = 0;
  /** Handles of the listener and the connection, once there is one. */
  listener = 0;
  h = 0;

  constructor(o: ProbeOptions | Probe = {}, port = 5555, iss = -1000) {
    this.probe = o instanceof Probe ? o : new Probe(o);
    this.port = port;
    this.iss = iss;
  }

  /** Our address. */
  get words(): [number, number, number, number] {
    return WORDS[this.probe.version];
  }

  get tcp(): Stack['tcp'] {
    return this.probe.stack.tcp;
  }

  /** The name of the connection's state. */
  get state(): string {
    return stateName(this.tcp.state(this.h));
  }

  // ---- packets -----------------------------------------------------------------------------------------------------

  /** The bytes of a segment of ours; see the head of this file for what is left out. */
  packet(flags: string, f: Fields = {}): Uint8Array {
    const data = typeof f.data === 'number' ? pattern(f.data) : new Uint8Array(Buffer.from(f.data ?? ''));
    const seq = f.seq ?? this.seq;
    if (f.seq === undefined) this.seq += data.length + (flags.includes('S') ? 1 : 0) + (flags.includes('F') ? 1 : 0);
    const ack = flags.includes('A') ? (this.stackIss + (f.ack ?? this.ack)) | 0 : (f.ack ?? 0);
    const tsVal = f.ts ?? this.ts;
    const ts = typeof tsVal === 'number' ? ([tsVal, this.tsVal] as const) : tsVal;
    const [stack, peer] = ADDRESSES[this.probe.version];
    const ports = [this.port, this.stackPort] as const;
    const sack = f.sack?.map(([a, b]) => [(this.stackIss + a) | 0, (this.stackIss + b) | 0] as const);
    const fields = { win: this.win, ...f, ...(ts && { ts }), ...(sack && { sack }) };
    return tcpPacket(peer, stack, ports, flagBits(flags), (this.iss + seq) | 0, ack, data, fields);
  }

  /** Sends a segment to the stack, which works until it rests. */
  inject(flags: string, f: Fields = {}): void {
    this.probe.deliver(this.packet(flags, f));
  }

  /** The next segment that the stack has sent to us, which must have these flags (PSH aside) and fields; numbers relative. */
  expect(flags: string, f: Fields & { length?: number; push?: boolean } = {}): Sent {
    const at = this.probe.sent.findIndex((s) => s.dstPort === this.port);
    assert.ok(at >= 0, `expected ${flags} ${JSON.stringify(f)}, nothing came`);
    const raw = this.probe.sent.splice(at, 1)[0]!;
    if (raw.flags.includes('S')) {
      this.stackIss = raw.seq;
      this.stackPort = raw.srcPort;
    }
    const s = {
      ...raw,
      seq: (raw.seq - this.stackIss) | 0,
      ack: raw.flags.includes('A') ? (raw.ack - this.iss) | 0 : 0,
      sack: raw.sack.map(([a, b]) => [(a - this.iss) | 0, (b - this.iss) | 0] as const),
    };
    const text = describeSegment(s);
    assert.equal(s.flags.replace('P', ''), flags, text);
    for (const key of ['seq', 'ack', 'win', 'mss', 'ws'] as const) {
      if (key in f) assert.equal(s[key], f[key], `${key} of ${text}`);
    }
    if (f.length !== undefined) assert.equal(s.data.length, f.length, `length of ${text}`);
    if (f.data !== undefined) {
      const data = typeof f.data === 'number' ? pattern(f.data) : Buffer.from(f.data);
      assert.deepEqual(Buffer.from(s.data), Buffer.from(data), `data of ${text}`);
    }
    if (f.sack !== undefined) assert.deepEqual(s.sack, f.sack, `SACK of ${text}`);
    if (f.sackOK !== undefined) assert.equal(s.sackOK, f.sackOK, `SACK permitted in ${text}`);
    if (f.ecn !== undefined) assert.equal(s.tos & 3, f.ecn, `ECN codepoint of ${text}`);
    if (f.push !== undefined) assert.equal(s.flags.includes('P'), f.push, `PSH of ${text}`);
    if (typeof f.ts === 'object') assert.deepEqual([s.tsVal, s.tsEcr], f.ts, `timestamps of ${text}`);
    else if (f.ts !== undefined) assert.equal(s.tsEcr, f.ts, `TSecr of ${text}`);
    const end = s.seq + s.data.length + (flags.includes('S') ? 1 : 0) + (flags.includes('F') ? 1 : 0);
    if (!flags.includes('R') && end > this.ack) this.ack = end;
    if (s.tsVal !== undefined) this.tsVal = s.tsVal;
    return s;
  }

  /** Nothing more has been sent to us. */
  expectNothing(): void {
    const rest = this.probe.sent.filter((s) => s.dstPort === this.port);
    assert.deepEqual(rest.map(describeSegment), []);
  }

  /** Everything sent to us since, unlooked at; our idea of what to acknowledge follows. */
  take(): Sent[] {
    const out: Sent[] = [];
    for (
      let s = this.probe.sent.find((p) => p.dstPort === this.port);
      s;
      s = this.probe.sent.find((p) => p.dstPort === this.port)
    )
      out.push(this.expect(s.flags.replace('P', '')));
    return out;
  }

  advance(us: number): void {
    this.probe.advance(us);
  }

  /** An ICMP error that quotes a segment of the stack's with sequence number `seq`. */
  icmp(type: number, code: number, f: { seq?: number; word?: number; size?: number } = {}): void {
    const [stack, peer] = ADDRESSES[this.probe.version];
    const quoted = tcpPacket(
      stack,
      peer,
      [this.stackPort, this.port],
      16,
      (this.stackIss + (f.seq ?? 0)) | 0,
      0,
      new Uint8Array(f.size ?? 0),
      {},
    );
    const word = f.word ?? 0;
    const body = [type, code, 0, 0, word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255, ...quoted];
    const v6 = this.probe.version === 6;
    this.probe.deliver(ipPacket(peer, stack, v6 ? 58 : 1, body, 2, v6));
  }

  // ---- the stack's user ----------------------------------------------------------------------------------------------

  listen(backlog = 8): void {
    this.listener = this.tcp.listen(0, 0, 0, 0, 80, backlog, false);
    assert.ok(this.listener > 0, 'listen');
  }

  /** The stack's user opens a connection to us; the SYN is out, and looked at. */
  connect(f: Fields = {}): Sent {
    this.h = this.tcp.connect(0, 0, 0, 0, 0, ...this.words, this.port, 0);
    assert.ok(this.h > 0, `connect: ${this.h}`);
    this.probe.settle();
    return this.expect('S', { seq: 0, ...f });
  }

  accept(): number {
    this.h = this.tcp.accept(this.listener);
    return this.h;
  }

  /** We open a connection to the stack's listener, which its user has accepted. `f`: fields of our SYN. */
  establish(f: Fields = { mss: 1460 }): this {
    if (this.listener === 0) this.listen();
    this.inject('S', f);
    this.expect('SA', { seq: 0, ack: 1 });
    this.inject('A');
    assert.ok(this.accept() > 0, 'accept');
    return this;
  }

  /** The stack's user opens a connection to us. `f`: fields of our SYN-ACK. */
  establishActive(f: Fields = { mss: 1460 }): this {
    this.connect();
    this.inject('SA', f);
    this.expect('A', { seq: 1, ack: 1 });
    return this;
  }

  /** The user writes bytes, or so many of pattern(); what is to be sent at once is sent. Returns write()'s result. */
  write(data: number | string): number {
    const bytes = typeof data === 'number' ? pattern(data) : Buffer.from(data);
    const n = this.tcp.write(this.h, bytes, 0, bytes.length);
    this.probe.settle();
    return n;
  }

  /** All that the user can read, as text; or read()'s result, 0 or negative, where there is nothing. */
  read(max: number = 1 << 22): Uint8Array | number {
    const out = new Uint8Array(Math.min(max, Math.max(1, this.tcp.readable(this.h))));
    const n = this.tcp.read(this.h, out, 0, out.length);
    this.probe.settle();
    return n > 0 ? out.subarray(0, n) : n;
  }

  readText(): string | number {
    const data = this.read();
    return typeof data === 'number' ? data : Buffer.from(data).toString();
  }

  shutdown(): void {
    assert.equal(this.tcp.shutdown(this.h), 0);
    this.probe.settle();
  }

  close(): void {
    this.tcp.close(this.h);
    this.probe.settle();
  }

  abort(): void {
    this.tcp.abort(this.h);
    this.probe.settle();
  }

  closeListener(): void {
    this.tcp.close(this.listener);
    this.probe.settle();
  }

  /** What the user hears of our connection, and clears: READY_* bits. */
  ready(): number {
    let flags = 0;
    for (let h = this.tcp.nextReady(); h !== 0; h = this.tcp.nextReady())
      if (h === this.h) flags |= this.tcp.readyFlags;
    return flags;
  }

  /** Address and ports as the stack has them. */
  endpoints(): Endpoints {
    const ends = new Endpoints();
    this.tcp.endpoints(this.h, ends);
    return ends;
  }
}

function describeSegment(s: Sent): string {
  const ts = s.tsVal === undefined ? '' : ` ts ${s.tsVal} ${s.tsEcr}`;
  const sack = s.sack.map(([a, b]) => ` ${a}:${b}`).join('');
  return `${s.flags} ${s.seq}:${s.seq + s.data.length} ack ${s.ack} win ${s.win}${ts}${sack && ` sack${sack}`}`;
}
