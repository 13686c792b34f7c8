// Test support: what RFC 9293 says that a connection makes of a segment, as slowly and plainly as can be: a cell for each octet.
// Called by fuzz-conn.test-support.ts, which holds the stack against it after every segment; calls nothing of the stack.

/** A segment that arrives. Numbers count from the initial ones and do not wrap; `window` is scaled already. */
export interface Arriving {
  readonly seq: number;
  readonly ack: number;
  readonly flags: string;
  readonly length: number;
  readonly window: number;
  /** TSval, if it bears timestamps. */
  readonly ts: number | undefined;
  /** Which of several possible contents its octets have: 0 and up. */
  readonly variant: number;
}

const OUTDATED = 24 * 86_400e6;
const RECEIVING: readonly string[] = ['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2'];

/** One connection, established; its peer's octets are numbered from 1. */
export class Reference {
  state = 'ESTABLISHED';
  /** The user has closed; data that comes now can reach nobody (RFC 9293 section 3.6.1). */
  orphan = false;

  // -- what has been received
  /** Octet by octet: 0, or 1 + the variant that came first; none from `high` on. */
  cells: Uint8Array = new Uint8Array(4096);
  high = 1;
  next = 1;
  edge: number;
  fin = -1;
  /** Octets that the user has taken. */
  read = 0;
  lastAckSent = 1;
  lastReceived: number;
  tsRecent: number | undefined;

  // -- what has been sent
  una = 1;
  max = 1;
  window: number;
  maxWindow: number;
  wl1: number;
  wl2 = 1;
  /** The farthest that the peer has ever allowed. */
  allowed: number;
  /** The number of our FIN, once it has gone out. */
  ownFin = -1;

  /** `offered`: the window that we have told the peer; `window`: the one of its last segment. `tsRecent`: if agreed on. */
  constructor(offered: number, window: number, seq: number, tsRecent: number | undefined, now: number) {
    this.edge = 1 + offered;
    this.window = window;
    this.maxWindow = window;
    this.allowed = 1 + window;
    this.wl1 = seq;
    this.tsRecent = tsRecent;
    this.lastReceived = now;
  }

  /** Octets in order that the user has not taken yet. */
  get readable(): number {
    return this.next - 1 - (this.fin >= 0 && this.next > this.fin ? 1 : 0) - this.read;
  }

  /** Octets of ours that are acknowledged. */
  get acked(): number {
    return this.una - 1 - (this.ownFin >= 0 && this.una > this.ownFin ? 1 : 0);
  }

  /** What is held ahead of RCV.NXT. */
  islands(): [number, number][] {
    const out: [number, number][] = [];
    if (!RECEIVING.includes(this.state)) return out;
    for (let at = this.next; at < this.high; at++) {
      if (this.cells[at] === 0) continue;
      const start = at;
      while (at < this.high && this.cells[at] !== 0) at++;
      out.push([start, at]);
    }
    return out;
  }

  /** Segment arrival (RFC 9293 section 3.10.7.4) in a synchronised state. Says in a word where it ended. */
  arrives(s: Arriving, now: number): string {
    if (this.state === 'CLOSED') return 'closed';
    const has = (flag: string): boolean => s.flags.includes(flag);
    const space = s.length + (has('S') ? 1 : 0) + (has('F') ? 1 : 0);
    const silent = now - this.lastReceived >= OUTDATED;
    if (this.tsRecent !== undefined && !has('R')) {
      if (s.ts === undefined) return 'no timestamp'; // RFC 7323 section 3.2
      if (((s.ts - this.tsRecent) | 0) < 0 && !silent && !has('S')) return 'PAWS'; // section 5.3
    }
    if (!this.#acceptable(s, space)) return 'unacceptable';
    if (has('R')) {
      if (s.seq !== this.next) return 'challenge'; // RFC 5961 section 3
      if (this.state === 'TIME-WAIT') return 'reset ignored'; // RFC 1337
      this.state = 'CLOSED';
      return 'reset';
    }
    if (has('S')) return 'challenge'; // RFC 5961 section 4
    if (!has('A')) return 'no ACK';
    if (this.tsRecent !== undefined && s.seq <= this.lastAckSent && (((s.ts! - this.tsRecent) | 0) >= 0 || silent)) {
      this.tsRecent = s.ts!; // RFC 7323 section 4.3
    }
    this.lastReceived = now;
    if (s.ack > this.max || this.una - s.ack > Math.min(this.maxWindow, this.acked + 1)) return 'challenge'; // RFC 5961 section 5
    if (this.state === 'TIME-WAIT') return 'TIME-WAIT';
    this.#acknowledged(s);
    if (this.state !== 'CLOSED' && this.state !== 'TIME-WAIT' && space > 0) this.#text(s);
    return 'taken';
  }

  /** The four cases of section 3.10.7.4; an empty segment at the very edge counts as well. */
  #acceptable(s: Arriving, space: number): boolean {
    if (s.seq < this.next) return space > 0 && s.seq + space > this.next;
    return s.seq < this.edge || s.seq === this.next || (s.seq === this.edge && space === 0 && !s.flags.includes('R'));
  }

  #acknowledged(s: Arriving): void {
    if (s.ack >= this.una && (this.wl1 < s.seq || (this.wl1 === s.seq && this.wl2 <= s.ack))) {
      this.window = s.window;
      this.wl1 = s.seq;
      this.wl2 = s.ack;
      this.maxWindow = Math.max(this.maxWindow, s.window);
    }
    this.una = Math.max(this.una, s.ack);
    this.allowed = Math.max(this.allowed, this.una + this.window);
    if (this.ownFin < 0 || this.una <= this.ownFin) return;
    if (this.state === 'FIN-WAIT-1') this.state = 'FIN-WAIT-2';
    else if (this.state === 'CLOSING') this.state = 'TIME-WAIT';
    else if (this.state === 'LAST-ACK') this.state = 'CLOSED';
  }

  #text(s: Arriving): void {
    if (!RECEIVING.includes(this.state)) return;
    const end = s.seq + s.length;
    if (this.orphan && s.length > 0 && end > this.next) {
      this.state = 'CLOSED'; // section 3.6.1, MUST-13
      return;
    }
    const stop = Math.min(end, this.edge, this.fin < 0 ? Infinity : this.fin);
    if (stop > s.seq && stop > this.high) this.grow(stop);
    for (let at = Math.max(s.seq, this.next); at < stop; at++) {
      if (this.cells[at] === 0) this.cells[at] = 1 + s.variant;
    }
    if (s.flags.includes('F') && this.fin < 0 && end <= this.edge && end >= this.next && end >= this.high)
      this.fin = end;
    while (this.cells[this.next] !== 0) this.next++;
    if (this.next !== this.fin) return;
    this.next++;
    if (this.edge < this.next) this.edge = this.next;
    if (this.state === 'ESTABLISHED') this.state = 'CLOSE-WAIT';
    else this.state = this.state === 'FIN-WAIT-1' ? 'CLOSING' : 'TIME-WAIT';
  }

  /** There are octets up to `end`. */
  grow(end: number): void {
    this.high = end;
    if (end + 2 <= this.cells.length) return;
    const more = new Uint8Array(Math.max(end + 2, 2 * this.cells.length));
    more.set(this.cells);
    this.cells = more;
  }

  /** The stack has sent <SEQ=seq><ACK=ack> with so many octets, and maybe a FIN, and offers the peer `window`. */
  sends(seq: number, ack: number, length: number, fin: boolean, window: number): void {
    this.lastAckSent = ack;
    this.edge = Math.max(this.edge, ack + window);
    this.max = Math.max(this.max, seq + length + (fin ? 1 : 0));
    if (!fin || this.ownFin >= 0) return;
    this.ownFin = seq + length;
    if (this.state === 'ESTABLISHED') this.state = 'FIN-WAIT-1';
    else if (this.state === 'CLOSE-WAIT') this.state = 'LAST-ACK';
  }
}
