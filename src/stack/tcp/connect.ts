// Active opens: the way, the local address and port, and the first SYN (RFC 9293 section 3.10.1).
// Called by tcp.ts; calls route, the floor's ports, table and engine.

import { EADDRINUSE, EINVAL, ENETUNREACH, ENOBUFS } from '../../base/errno.ts';
import { PROTO_TCP } from '../../wire/ip4.ts';
import type { Engine } from './engine.ts';
import { F_OWNED, F_SEND_SYN, F_TIMESTAMPS } from './flags.ts';
import { initialize, startNumbers } from './input-open.ts';
import { findRoute, updateMss } from './route.ts';
import { SYN_SENT, TIME_WAIT } from './state.ts';
import type { Tcb } from './tcb.ts';

/** A connection in TIME-WAIT is left alone for so long, us. */
const REUSE_AFTER = 1_000_000;

export class Opener {
  readonly #e: Engine;
  readonly #portInUse: (port: number) => boolean;
  /** The same, but for a connection in TIME-WAIT that may make way. */
  readonly #portLocked: (port: number) => boolean;
  readonly #probe: Int32Array = new Int32Array(9);
  /** SND.NXT of the connection in TIME-WAIT that made way for the one being opened; NaN: none. */
  #previous = NaN;

  constructor(e: Engine) {
    this.#e = e;
    this.#portInUse = (port) => this.#find(port) !== 0;
    this.#portLocked = (port) => {
      const row = this.#find(port);
      return row !== 0 && !this.#reusable(e.l.at(row));
    };
  }

  /** Opens a connection: see Tcp.connect. */
  connect(
    l0: number,
    l1: number,
    l2: number,
    l3: number,
    localPort: number,
    r0: number,
    r1: number,
    r2: number,
    r3: number,
    remotePort: number,
    iface: number,
  ): number {
    const e = this.#e;
    if (remotePort <= 0 || remotePort > 65535 || localPort < 0 || localPort > 65535) return -EINVAL;
    if ((r0 | r1 | r3) === 0 && (r2 === 0 || r2 === 0xffff)) return -ENETUNREACH;
    const row = e.allocRow();
    if (row === 0) return -ENOBUFS;
    const t = e.t.at(row);
    t.local0 = l0;
    t.local1 = l1;
    t.local2 = l2;
    t.local3 = l3;
    t.remote0 = r0;
    t.remote1 = r1;
    t.remote2 = r2;
    t.remote3 = r3;
    t.remotePort = remotePort;
    t.iface = iface;
    initialize(e, t);
    this.#previous = NaN;
    const error = this.#route(t) || this.#port(t, localPort);
    if (error !== 0) {
      e.rows.free(row);
      return error;
    }
    t.state = SYN_SENT;
    t.flags = F_OWNED | F_SEND_SYN;
    startNumbers(e, t, this.#previous);
    // Until the peer has named its own.
    t.peerMss = 536;
    updateMss(t);
    e.table.insert(row);
    e.activate(t);
    e.onWork();
    return e.rows.handle(row);
  }

  /** The way to the peer, and with it a source address if none was given. */
  #route(t: Tcb): number {
    const e = this.#e;
    const error = findRoute(e, t);
    if (error !== 0) return error;
    const way = e.way;
    t.local0 = way.src0;
    t.local1 = way.src1;
    t.local2 = way.src2;
    t.local3 = way.src3;
    return 0;
  }

  /** Gives `t` its local port: `wanted`, or one of RFC 6056's. A connection of ours in TIME-WAIT makes way. */
  #port(t: Tcb, wanted: number): number {
    const e = this.#e;
    if (wanted === 0) {
      const p = this.#probe;
      p[0] = t.local0;
      p[1] = t.local1;
      p[2] = t.local2;
      p[3] = t.local3;
      p[4] = t.remote0;
      p[5] = t.remote1;
      p[6] = t.remote2;
      p[7] = t.remote3;
      p[8] = t.remotePort;
      const row = t.row;
      wanted = this.#choose(t, this.#portInUse) || this.#choose(t, this.#portLocked);
      t.at(row);
      if (wanted === 0) return -EADDRINUSE;
    }
    t.localPort = wanted;
    const other = e.table.find(
      t.local0,
      t.local1,
      t.local2,
      t.local3,
      wanted,
      t.remote0,
      t.remote1,
      t.remote2,
      t.remote3,
      t.remotePort,
    );
    if (other === 0) return 0;
    const row = t.row;
    const old = t.at(other);
    const reusable = this.#reusable(old);
    if (reusable) {
      this.#previous = old.sndNxt;
      e.finish(old);
    }
    t.at(row);
    return reusable ? 0 : -EADDRINUSE;
  }

  #choose(t: Tcb, inUse: (port: number) => boolean): number {
    return this.#e.floor.ports.forConnection(
      PROTO_TCP,
      t.local0,
      t.local1,
      t.local2,
      t.local3,
      t.remote0,
      t.remote1,
      t.remote2,
      t.remote3,
      t.remotePort,
      inUse,
    );
  }

  #find(port: number): number {
    const p = this.#probe;
    return this.#e.table.find(p[0]!, p[1]!, p[2]!, p[3]!, port, p[4]!, p[5]!, p[6]!, p[7]!, p[8]!);
  }

  /**
   * Whether a connection in TIME-WAIT may make way for one of ours (RFC 6191 section 2, from the other side): its timestamps,
   * which go on in the new one, tell its last segments from new ones, once the clock has surely moved on. Without, 2 MSL are
   * to be waited for (RFC 1122 section 4.2.2.13).
   */
  #reusable(old: Tcb): boolean {
    const { core } = this.#e;
    return (
      old.state === TIME_WAIT &&
      old.has(F_TIMESTAMPS) &&
      core.settings.tcpTimestamps &&
      core.now.us - old.lastReceivedAt >= REUSE_AFTER
    );
  }
}
