// Test support: one live connection of the fuzzers: its peer, honest or not, what the reference makes of it, and what the stack may send.
// Called by fuzz-world.test-support.ts; calls probe and reference.

import assert from 'node:assert/strict';
import { seqDiff } from '../../base/seq.ts';
import { F_FIN_KNOWN, F_KEEPALIVE } from './flags.ts';
import { be32, octet, octets, type Shot, sackOption, type Terms, VARIANTS } from './fuzz-values.test-support.ts';
import type { Peer } from './probe.test-support.ts';
import type { Arriving, Reference } from './reference.test-support.ts';
import type { Sent } from './segments.test-support.ts';
import { CLOSED, stateName } from './state.ts';
import { Tcb } from './tcb.ts';

const WIRE_LIMIT = 3000;

export class FuzzConn {
  readonly p: Peer;
  readonly ref: Reference;
  readonly terms: Terms;
  readonly n: number;
  /** What the user has written; whether it has ended that, and let go. */
  written = 0;
  shut = false;
  /** The peer: what it has heard, octet by octet, and how far without a gap; TSval heard last; what it has sent. */
  heard: Uint8Array = new Uint8Array(4096);
  heardNext = 1;
  heardFin = -1;
  heardTs = 0;
  recent: [number, number] = [0, 0];
  nxt = 1;
  /** Segments with text or FIN that are under way to the peer. */
  readonly wire: Sent[] = [];
  /** The farthest edge offered, and the last ACK, by the stack. */
  edge = 0;
  acked = 1;
  /** Sequence space of the segments to the stack: a report of a duplicate may have had to wait. */
  readonly shots: [number, number][] = [];
  /** Before the last step. */
  readonly before: { max: number; cwnd: number } = { max: 1, cwnd: 0 };
  /** Hands a packet to the stack; `alone`: not in one pass with others. */
  deliver: (packet: Uint8Array, alone: boolean) => void = (packet) => this.p.probe.deliver(packet);
  /** Gets a line for each segment that is sent to the stack. */
  tell: (line: string) => void = () => {};
  readonly #t: Tcb;
  #high = 1;
  #over = false;

  constructor(n: number, p: Peer, ref: Reference, terms: Terms) {
    this.n = n;
    this.p = p;
    this.ref = ref;
    this.terms = terms;
    this.edge = ref.edge;
    this.#t = new Tcb(p.tcp.engine.rows);
  }

  /** The row, while there is one. */
  get row(): Tcb | null {
    const row = this.p.tcp.engine.rows.row(this.p.h);
    return row === 0 ? null : this.#t.at(row);
  }

  // ---- the peer ------------------------------------------------------------------------------------------------------

  /** The peer's clock in milliseconds, and the stack's as heard last. */
  stamps(): [number, number] | undefined {
    return this.terms.ts ? [this.clock(), this.heardTs] : undefined;
  }

  clock(): number {
    const ms = (1_000_000 + Math.floor(this.p.probe.now / 1000)) | 0;
    const { tsRecent } = this.ref;
    // Somebody has sent a later time in our name: go on from there, or nothing is taken any more.
    return tsRecent !== undefined && ((ms - tsRecent) | 0) < 0 ? tsRecent : ms;
  }

  /** Sends a segment to the stack and to the reference. The stack works until it rests. */
  shoot(s: Shot): void {
    const { p, ref, terms } = this;
    const options = [...(s.ts ? [1, 1, 8, 10, ...be32(s.ts[0]), ...be32(s.ts[1])] : []), ...(s.options ?? [])];
    const packet = p.packet(s.flags, {
      seq: s.seq,
      ack: s.ack,
      win: s.win,
      data: octets(s.seq, s.length, s.variant),
      raw: options.slice(0, 40),
      urgent: s.urgent ?? 0,
      ecn: s.ecn ?? 0,
    });
    this.shots.push([s.seq, s.seq + s.length + (s.flags.includes('F') ? 1 : 0) + (s.flags.includes('S') ? 1 : 0)]);
    let verdict = 'unknown';
    const gap = ref.high > ref.next;
    const before = ref.next;
    const ended = ref.fin >= 0 && before > ref.fin;
    if (this.#opens(s)) ref.state = 'CLOSED';
    if (terms.strict) {
      const arriving: Arriving = { ...s, window: s.win << terms.peerScale, ts: s.ts?.[0] };
      verdict = ref.arrives(arriving, p.probe.now);
    }
    this.tell(`> ${s.flags} ${s.seq}:${s.seq + s.length} ack ${s.ack} win ${s.win} [${options}]: ${verdict}`);
    // At once: what leaves or fills a gap, or is not new (RFC 5681 section 4.2), and a FIN. What lies behind that is ignored.
    const text = verdict === 'taken' && (s.length > 0 || s.flags.includes('F')) && !(ended && s.seq >= before);
    const fin = ref.fin >= 0 && before <= ref.fin && ref.next > ref.fin;
    const due = text && (gap || fin || ref.next === before || ref.high > ref.next) && p.probe.room > 0;
    const sent = p.probe.sent.length;
    this.deliver(packet, /[RS]/.test(s.flags));
    if (due && ref.state !== 'CLOSED') assert.ok(p.probe.sent.length > sent, 'no ACK at once');
  }

  /** A SYN that replaces a connection in TIME-WAIT (RFC 6191 section 2). */
  #opens(s: Shot): boolean {
    const { ref, terms } = this;
    if (ref.state !== 'TIME-WAIT' || !terms.passive || !/^[^ARF]*S[^ARF]*$/.test(s.flags)) return false;
    const stamp = terms.stamps ? s.ts?.[0] : undefined;
    if (stamp !== undefined && ref.tsRecent === undefined) return true;
    const newer = stamp === undefined ? 0 : (stamp - ref.tsRecent!) | 0;
    return newer > 0 || (newer === 0 && s.seq >= ref.next);
  }

  /** The peer's plain ACK, with what it holds beyond a gap. */
  answer(win: number, duplicate?: readonly [number, number]): void {
    const blocks = this.terms.sack ? this.blocks() : [];
    if (duplicate && this.terms.sack) blocks.unshift([...duplicate]);
    const options = sackOption(this.p.stackIss, blocks.slice(0, this.terms.ts ? 3 : 4));
    // Not below what set the window last: somebody may have spoken from beyond the peer's FIN, and nobody after him would count.
    const { fin, wl1 } = this.ref;
    this.say('A', fin < 0 ? this.nxt : Math.max(fin + 1, wl1), 0, win, options);
  }

  /** A segment of the peer's with all fields as they should be. */
  say(flags: string, seq: number, length: number, win: number, options: readonly number[] = []): void {
    const ack = this.heardNext;
    this.shoot({ flags, seq, ack, win, length, variant: 0, ts: this.stamps(), options });
  }

  /** What has been heard beyond a gap, the latest first (RFC 2018 section 4). */
  blocks(): [number, number][] {
    const out: [number, number][] = [];
    for (let at = this.heardNext; at < this.#high; at++) {
      if (this.heard[at] === 0) continue;
      const start = at;
      while (at < this.#high && this.heard[at] === 1) at++;
      out.push([start, at]);
    }
    const latest = out.findIndex(([start, end]) => start <= this.recent[0] && this.recent[0] < end);
    if (latest > 0) out.unshift(...out.splice(latest, 1));
    return out;
  }

  /** The peer hears a segment of the stack's. Returns what of it it had already, if it had all of it. */
  hear(s: Sent): [number, number] | undefined {
    const start = s.seq;
    const end = s.seq + s.data.length + (s.flags.includes('F') ? 1 : 0);
    this.#grow(end);
    const known = end <= this.heardNext || this.heard.subarray(Math.max(0, start), end).every((cell) => cell === 1);
    this.heard.fill(1, Math.max(0, start), end);
    this.recent = [start, end];
    if (s.tsVal !== undefined && start <= this.heardNext) this.heardTs = s.tsVal;
    this.#proceed();
    return known && end > start ? [start, end] : undefined;
  }

  /** What somebody has acknowledged in the peer's name counts as heard: nobody will send it again. */
  adopt(): void {
    const { ref } = this;
    if (ref.una > this.heardNext) {
      this.#grow(ref.una);
      this.heard.fill(1, this.heardNext, ref.una);
      this.#proceed();
    }
    this.nxt = Math.max(this.nxt, ref.next - (ref.fin >= 0 && ref.next > ref.fin ? 1 : 0), ref.wl1);
    if (ref.high > ref.next) this.nxt = Math.max(this.nxt, ref.high);
    if (ref.fin >= 0) this.nxt = ref.fin;
  }

  #proceed(): void {
    while (this.heardNext < this.heard.length && this.heard[this.heardNext] === 1) this.heardNext++;
  }

  #grow(end: number): void {
    this.#high = Math.max(this.#high, end);
    if (end < this.heard.length) return;
    const more = new Uint8Array(Math.max(end + 1, 2 * this.heard.length));
    more.set(this.heard);
    this.heard = more;
  }

  // ---- what the stack does -------------------------------------------------------------------------------------------

  /** A segment that the stack has sent, for people; its numbers are absolute. */
  describe(s: Sent): string {
    const seq = (s.seq - this.p.stackIss) | 0;
    return `${s.flags} ${seq}:${seq + s.data.length} ack ${(s.ack - this.p.iss) | 0} win ${s.win}`;
  }

  /** A segment that the stack has sent; numbers absolute. */
  sent(raw: Sent): void {
    const { ref, terms, p } = this;
    const over = /[RS]/.test(raw.flags); // a reset, or the answer to a SYN that opens another
    if (over) this.#over = true;
    if (ref.state === 'CLOSED' || over) return; // its last words, or another connection's
    const s: Sent = { ...raw, seq: (raw.seq - p.stackIss) | 0, ack: (raw.ack - p.iss) | 0 };
    const text = this.describe(raw);
    assert.ok(s.flags.includes('A'), `no ACK: ${text}`);
    const fin = s.flags.includes('F');
    const end = s.seq + s.data.length + (fin ? 1 : 0);
    this.#checkText(s, fin, end, text);
    this.#checkAck(s, text);
    ref.sends(s.seq, s.ack, s.data.length, fin, s.win << terms.scale);
    if (end > s.seq) this.wire.push(s);
    if (this.wire.length > WIRE_LIMIT) this.wire.splice(0, this.wire.length - WIRE_LIMIT);
  }

  /** Only what was written, always the same, within what the peer has allowed. */
  #checkText(s: Sent, fin: boolean, end: number, text: string): void {
    const { ref, terms } = this;
    for (let i = 0; i < s.data.length; i++) {
      if (s.data[i] !== octet(s.seq + i, VARIANTS + this.n))
        assert.fail(`octet ${s.seq + i} is not what was written: ${text}`);
    }
    assert.ok(s.data.length === 0 || s.seq >= 1, `text before the first octet: ${text}`);
    assert.ok(
      s.seq + s.data.length <= 1 + this.written || end === s.seq,
      `more than ${this.written} were written: ${text}`,
    );
    if (fin) assert.ok(this.shut && s.seq + s.data.length === 1 + this.written, `a FIN after ${this.written}: ${text}`);
    if (end === s.seq) assert.ok(s.seq <= ref.max, `an empty segment ahead: ${text}`);
    if (end > ref.max && terms.strict)
      assert.ok(end <= ref.allowed, `beyond ${ref.allowed}, the peer's window: ${text}`);
    const header = s.version === 4 ? 40 : 60;
    if (terms.single) assert.ok(s.bytes - header <= terms.mss, `longer than the peer's MSS of ${terms.mss}: ${text}`);
  }

  /** RCV.NXT and the window's edge, which never move back; timestamps; SACK blocks. */
  #checkAck(s: Sent, text: string): void {
    const { ref, terms } = this;
    assert.ok(s.ack >= this.acked, `an ACK below ${this.acked}: ${text}`);
    if (terms.strict) assert.equal(s.ack, ref.next, `RCV.NXT of the reference: ${text}`);
    this.acked = s.ack;
    const edge = s.ack + (s.win << terms.scale);
    // Where memory is too short to take anything, the peer is told to wait (offerWindow).
    if (!terms.strict && s.win === 0) return;
    assert.ok(edge >= this.edge, `the window's edge moves back from ${this.edge} to ${edge}: ${text}`);
    this.edge = edge;
    assert.equal(s.tsVal !== undefined, terms.ts, `timestamps: ${text}`);
    if (terms.ts && terms.strict) assert.equal(s.tsEcr, ref.tsRecent, `TS.Recent: ${text}`);
    assert.ok(terms.sack || s.sack.length === 0, `SACK was not agreed on: ${text}`);
    if (terms.strict && s.sack.length > 0) this.#checkSack(s, text);
  }

  /** Each block is a whole island; the first may tell of a duplicate instead (RFC 2883 section 4). */
  #checkSack(s: Sent, text: string): void {
    const { ref, p } = this;
    const islands = ref.islands().map(String);
    const blocks = s.sack.map(([left, right]): [number, number] => [(left - p.iss) | 0, (right - p.iss) | 0]);
    const all = `${text} sack ${blocks.join(' ')}, received ${islands.join(' ')}`;
    const [first, second] = blocks as [[number, number], [number, number]?];
    const holds = ([left, right]: readonly [number, number]): boolean => left <= first[0] && first[1] <= right;
    // With room for one block only, or reported late, a duplicate may stand without the block that holds it beside it.
    const alone = !islands.includes(String(first)) && ref.islands().some(holds);
    if (first[1] <= s.ack || alone || (second && holds(second))) {
      const told = this.shots.some(([from, to]) => from <= first[0] && first[0] < first[1] && first[1] <= to);
      assert.ok(told, `a duplicate that was not sent: ${all}`);
      for (let at = Math.max(first[0], ref.next); at < first[1]; at++) assert.ok(ref.cells[at], `not received: ${all}`);
      blocks.shift();
    }
    for (const block of blocks) assert.ok(islands.includes(String(block)), `a block that is no island: ${all}`);
    assert.equal(new Set(blocks.map(String)).size, blocks.length, `the same block twice: ${all}`);
  }

  /** Octets that the user has read. */
  took(data: Uint8Array): void {
    const { ref, terms } = this;
    data.forEach((byte, i) => {
      const at = 1 + ref.read + i;
      if (terms.strict) assert.equal(byte, octet(at, ref.cells[at]! - 1), `octet ${at} that was read`);
      else if (ref.state !== 'CLOSED')
        assert.ok(
          [0, 1, 2, 3].some((variant) => byte === octet(at, variant)),
          `octet ${at} that was read`,
        );
    });
    ref.read += data.length;
  }

  /** Holds the row against the reference. `late`: time has gone by, in which a timer may have ended the connection. */
  compare(late: boolean): void {
    const { ref, terms } = this;
    const t = this.row;
    const state = t === null ? 'CLOSED' : stateName(t.state);
    assert.ok(!this.#over || state === 'CLOSED', `a reset or a SYN of connection ${this.n}, which lives`);
    this.#over = false;
    if (state === 'CLOSED' && ref.state !== 'CLOSED' && (late || !terms.strict)) {
      if (terms.strict) this.#mayEnd(t);
      ref.state = 'CLOSED';
    }
    if (!terms.strict) this.#follow(t, state);
    assert.equal(state, ref.state, `state of connection ${this.n}`);
    if (t === null) return;
    if (terms.strict || t.state !== CLOSED) assert.equal(t.i32[t.receiveList + 2], ref.readable, 'octets to be read');
    if (t.state === CLOSED) return;
    const { irs, iss } = t;
    const real = {
      next: seqDiff(t.rcvNxt, irs),
      una: seqDiff(t.sndUna, iss),
      max: seqDiff(t.sndNxt, iss),
      window: t.sndWnd,
      edge: seqDiff(t.rcvAdv, irs),
      tsRecent: terms.ts ? t.tsRecent : undefined,
      islands: this.p.tcp.engine.ranges.list(t).map(([a, b]) => [seqDiff(a, irs), seqDiff(b, irs)]),
    };
    const { next, una, max, window, edge, tsRecent } = ref;
    const received = next - 1 - (ref.fin >= 0 && next > ref.fin ? 1 : 0);
    assert.deepEqual([t.bytesReceived, t.bytesAcked], [received, ref.acked], 'bytes received and acknowledged');
    assert.deepEqual(real, { next, una, max, window, edge, tsRecent, islands: ref.islands() }, 'the reference');
  }

  /** A timer has ended the connection: was there a reason? */
  #mayEnd(t: Tcb | null): void {
    const { ref } = this;
    if (ref.state === 'TIME-WAIT' || (ref.state === 'FIN-WAIT-2' && ref.orphan)) return;
    const due = ref.una < ref.max || this.written >= ref.max || (this.shut && ref.ownFin < 0);
    assert.ok(due || t === null || t.has(F_KEEPALIVE), `connection ${this.n} ended for no reason in ${ref.state}`);
    if (t !== null) assert.ok(t.error > 0, `connection ${this.n} ended in ${ref.state} without an error`);
  }

  /** Memory is short: the reference takes from the stack what it cannot know. Nothing moves back. */
  #follow(t: Tcb | null, state: string): void {
    const { ref } = this;
    ref.state = state;
    if (t === null || t.state === CLOSED) return;
    const next = seqDiff(t.rcvNxt, t.irs);
    const una = seqDiff(t.sndUna, t.iss);
    assert.ok(next >= ref.next && una >= ref.una, `RCV.NXT ${next} after ${ref.next}, SND.UNA ${una} after ${ref.una}`);
    ref.next = next;
    ref.una = una;
    ref.max = seqDiff(t.sndNxt, t.iss);
    ref.window = t.sndWnd;
    ref.wl1 = seqDiff(t.sndWl1, t.irs);
    ref.edge = seqDiff(t.rcvAdv, t.irs);
    if (ref.tsRecent !== undefined) ref.tsRecent = t.tsRecent;
    if (t.has(F_FIN_KNOWN)) ref.fin = seqDiff(t.rcvFin, t.irs);
    ref.cells.fill(0);
    ref.high = 1;
    for (const [start, end] of this.p.tcp.engine.ranges.list(t)) {
      const a = seqDiff(start, t.irs);
      const b = seqDiff(end, t.irs);
      ref.grow(b);
      ref.cells.fill(1, a, b);
    }
  }
}
