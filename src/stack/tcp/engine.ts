// What the files of tcp/ share: tables, queues, timers, the connection and the segment in hand, and how connections end.
// Made by tcp.ts; used by input, output, timers and tcp.ts; calls table, queues, wheel and the floor's routes.

import type { Rows } from '../../base/rows.ts';
import { CHUNK } from '../../base/spans.ts';
import type { Rng } from '../../base/time.ts';
import { Wheel } from '../../base/wheel.ts';
import type { Core, StackMemory } from '../core.ts';
import { counter } from '../counters.ts';
import type { Interfaces } from '../interfaces.ts';
import type { Neighbours } from '../neighbours.ts';
import type { Output } from '../output.ts';
import type { PathMtu } from '../path-mtu.ts';
import type { Ports } from '../ports.ts';
import type { Routes } from '../routes.ts';
import { Way } from '../way.ts';
import type { CongestionControl } from './cc/congestion.ts';
import { CONTROLS, controlNumber } from './cc/controls.ts';
import { ChallengeLimit } from './challenge.ts';
import {
  F_ACTIVE,
  F_BLOCKED,
  F_HALF_OPEN,
  F_ORPHAN,
  F_OWNED,
  F_PASSIVE,
  F_PERSIST,
  F_QUEUED,
  F_READY,
  F_TIME_WAIT,
  F_V6ONLY,
  F2_PACED,
  READY_CLOSED,
  READY_ERROR,
} from './flags.ts';
import { AckNews } from './news.ts';
import { RowQueue } from './queues.ts';
import { Ranges } from './ranges.ts';
import { Scoreboard } from './scoreboard.ts';
import { Segment } from './segment.ts';
import { CLOSED, LISTEN, SYN_RECEIVED, TIME_WAIT } from './state.ts';
import { TcpTable } from './table.ts';
import { TCB_ACTIVE, TCB_READY, TCB_TIME_WAIT, TCB_WHEEL, Tcb, tcbRows } from './tcb.ts';

const FAILED: number = counter('tcp_failed');

/** The parts of the stack that TCP stands on. */
export interface TcpFloor {
  readonly memory: StackMemory;
  readonly core: Core;
  readonly interfaces: Interfaces;
  readonly routes: Routes;
  readonly neighbours: Neighbours;
  readonly output: Output;
  readonly ports: Ports;
  readonly pathMtu: PathMtu;
}

export class Engine {
  readonly core: Core;
  readonly floor: TcpFloor;
  readonly rng: Rng;
  readonly rows: Rows;
  readonly table: TcpTable;
  readonly wheel: Wheel;
  readonly ranges: Ranges;
  readonly scoreboard: Scoreboard;
  /** Rows with something to send; rows that wait for a neighbour's address; rows whose user has news; rows in TIME-WAIT that nobody holds; passive rows in SYN-RECEIVED. Oldest first. */
  readonly active: RowQueue;
  readonly blocked: RowQueue;
  readonly ready: RowQueue;
  readonly timeWaits: RowQueue;
  readonly halfOpen: RowQueue;
  /** The connection in hand, and the listener. */
  readonly t: Tcb;
  readonly l: Tcb;
  readonly seg: Segment = new Segment();
  readonly way: Way = new Way();
  /** A second way, for packets that belong to no connection (resets). */
  readonly replyWay: Way = new Way();
  readonly challenges: ChallengeLimit;
  /** When a SYN cookie was last sent, us: only then may an ACK bring one back. */
  cookieAt: number = -Infinity;
  /** What the ACK in hand has told. */
  readonly news: AckNews = new AckNews();
  #control = 0;
  #controlName = '';
  /** Tells the driver that there is work. */
  onWork: () => void = () => {};
  /** Whether the listener in `row` takes IPv6 only; moves `l`. */
  readonly v6Only: (row: number) => boolean = (row) => this.l.at(row).has(F_V6ONLY);

  constructor(floor: TcpFloor) {
    const core = floor.core;
    this.floor = floor;
    this.core = core;
    this.rng = core.rng;
    this.challenges = new ChallengeLimit(core, core.rng);
    this.rows = tcbRows(core.arena, core.settings.tcpRows);
    this.table = new TcpTable(core, this.rows);
    this.wheel = new Wheel(core.arena, 'tcp.wheel', this.rows, TCB_WHEEL);
    this.ranges = new Ranges(core.arena, core.spans, core.settings.tcpRows >> 2 || 64);
    this.scoreboard = new Scoreboard(core.arena, core.settings.tcpRows);
    if (controlNumber(core.settings.tcpCongestion) < 0)
      throw new RangeError(`tcpCongestion: there is no control "${core.settings.tcpCongestion}"`);
    this.active = new RowQueue(this.rows, TCB_ACTIVE, F_ACTIVE);
    this.blocked = new RowQueue(this.rows, TCB_ACTIVE, F_BLOCKED);
    this.ready = new RowQueue(this.rows, TCB_READY, F_READY);
    this.timeWaits = new RowQueue(this.rows, TCB_TIME_WAIT, F_TIME_WAIT);
    this.halfOpen = new RowQueue(this.rows, TCB_TIME_WAIT, F_HALF_OPEN);
    this.t = new Tcb(this.rows);
    this.l = new Tcb(this.rows);
  }

  /** A fresh row, if need be at the expense of the oldest connection in TIME-WAIT; 0: none. */
  allocRow(): number {
    const row = this.rows.alloc();
    if (row !== 0) return row;
    const oldest = this.timeWaits.shift();
    if (oldest === 0) return 0;
    const t = new Tcb(this.rows).at(oldest);
    this.table.remove(oldest);
    this.free(t);
    return this.rows.alloc();
  }

  /**
   * Bytes of payload memory that one connection may hold now, each way: a quarter of what is free beyond the last
   * quarter of all, which is there to give everybody a chunk. So a few hundred peers that read nothing, or send what
   * nobody reads, leave the others enough to go on.
   */
  share(): number {
    const { availableBytes, totalBytes } = this.core.spans;
    return Math.max(CHUNK, (availableBytes - (totalBytes >>> 2)) >> 2);
  }

  /** The number of the control that new connections get; the setting may change while the stack runs. */
  get defaultControl(): number {
    const name = this.core.settings.tcpCongestion;
    if (name !== this.#controlName) {
      this.#controlName = name;
      const number = controlNumber(name);
      if (number >= 0) this.#control = number; // a name that there is not changes nothing
    }
    return this.#control;
  }

  /** The congestion control of `t`. */
  control(t: Tcb): CongestionControl {
    return CONTROLS[t.cc]!;
  }

  /** Something is to be sent for `t`: output will look at it in this pass. */
  activate(t: Tcb): void {
    if (t.has(F_BLOCKED)) return;
    this.active.push(t.row);
  }

  /** The user of `t` has news. Kept for accept() while nobody holds the handle. */
  notify(t: Tcb, ready: number): void {
    t.ready |= ready;
    if (t.has(F_OWNED)) this.ready.push(t.row);
  }

  /** Brings the wheel in line with the row's deadlines. A wheel that fires early is harmless, so later ones are left to it. */
  arm(t: Tcb): void {
    const rtx = t.rtxAt;
    const ack = t.ackAt;
    const long = t.longAt;
    let at = rtx;
    if (ack !== 0 && (at === 0 || ack < at)) at = ack;
    if (long !== 0 && (at === 0 || long < at)) at = long;
    if (t.has2(F2_PACED) && (at === 0 || t.paceAt < at)) at = t.paceAt;
    if (at !== 0 && at < this.wheel.deadline(t.row)) this.wheel.schedule(t.row, at);
  }

  stopTimers(t: Tcb): void {
    t.rtxAt = 0;
    t.ackAt = 0;
    t.longAt = 0;
    t.unset2(F2_PACED);
    this.wheel.cancel(t.row);
  }

  /** The connection is dead of `errno` (positive): RFC 9293 section 3.10.7.4 and 3.8.3. What has been received can still be read. */
  fail(t: Tcb, errno: number): void {
    this.core.counters.add(FAILED, 1);
    t.error = errno;
    this.#end(t);
    if (t.row !== 0) this.notify(t, READY_ERROR);
  }

  /** The connection has ended in order: both FINs acknowledged, or TIME-WAIT is over. */
  finish(t: Tcb): void {
    const known = t.state === TIME_WAIT;
    this.#end(t);
    if (t.row !== 0 && !known) this.notify(t, READY_CLOSED);
  }

  /** RFC 9293 section 3.6.1: both directions are done; the row stays for 2 MSL. */
  enterTimeWait(t: Tcb): void {
    const entered = t.state !== TIME_WAIT;
    t.state = TIME_WAIT;
    this.core.spans.clear(t.sendList);
    this.scoreboard.clear(t);
    this.ranges.clear(t);
    t.rtxAt = 0;
    t.unset(F_PERSIST);
    t.longAt = this.core.now.us + this.core.settings.tcpTimeWait;
    this.wheel.cancel(t.row);
    this.arm(t);
    if (t.has(F_ORPHAN)) this.timeWaits.push(t.row);
    if (entered) this.notify(t, READY_CLOSED);
  }

  /** Takes the row from everything but its user; with no user left it is freed and t.row becomes 0. */
  #end(t: Tcb): void {
    if (t.state === SYN_RECEIVED && t.has(F_PASSIVE) && t.parent !== 0) this.leaveListener(t);
    this.table.remove(t.row);
    this.stopTimers(t);
    this.active.remove(t.row);
    this.blocked.remove(t.row);
    this.timeWaits.remove(t.row);
    this.halfOpen.remove(t.row);
    this.core.spans.clear(t.sendList);
    this.scoreboard.clear(t);
    this.ranges.clear(t);
    t.state = CLOSED;
    if (t.has(F_ORPHAN) || (!t.has(F_OWNED) && !t.has(F_QUEUED))) this.free(t);
  }

  /** A connection in SYN-RECEIVED no longer counts against its listener's backlog. */
  leaveListener(t: Tcb): void {
    this.l.at(t.parent);
    if (this.l.state === LISTEN && this.l.synCount > 0) this.l.synCount--;
    t.parent = 0;
  }

  /** Gives the row back. Every handle to it is void. */
  free(t: Tcb): void {
    this.stopTimers(t);
    this.active.remove(t.row);
    this.blocked.remove(t.row);
    this.ready.remove(t.row);
    this.timeWaits.remove(t.row);
    this.halfOpen.remove(t.row);
    this.core.spans.clear(t.sendList);
    this.scoreboard.clear(t);
    this.core.spans.clear(t.receiveList);
    this.ranges.clear(t);
    // Those who walk over all rows, or along an accept queue, shall not take it for a connection.
    t.state = CLOSED;
    t.flags = 0;
    t.parent = 0;
    this.rows.free(t.row);
    t.row = 0;
  }
}
