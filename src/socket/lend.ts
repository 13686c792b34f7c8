// lend(): gives node:tls and node:http2 the addresses, options and references of the ring3 socket beneath them.
// Called by http.ts for every TLS socket and HTTP/2 session over a ring3 socket; calls that socket.
//
//   TLSSocket ── TLSWrap ── JSStream ── (JSStreamSocket) ── our Socket          HTTP/2: session.socket = the JSStreamSocket
//
// Over a Duplex without a native handle, Node puts a JSStreamSocket in between, and asks the handle of that for everything
// that is not bytes: getpeername, getsockname, setNoDelay, setKeepAlive, ref, unref. It has none of these, so they are put
// there. This is the one place that relies on how Node is built inside (20 to 26): where it is built otherwise, nothing is lent.

import type { AddressInfo } from 'node:net';
import { Socket } from './socket.ts';

const lender: unique symbol = Symbol('ring3 socket');

/** The handle of a JSStreamSocket. */
interface BorrowingHandle {
  [lender]?: Socket;
  getpeername?(out: Partial<AddressInfo>): number;
  getsockname?(out: Partial<AddressInfo>): number;
  setNoDelay?(enable: boolean): void;
  setKeepAlive?(enable: boolean, seconds: number): void;
  ref?(): void;
  unref?(): void;
}

/** A JSStreamSocket, or the proxy of it that is an HTTP/2 session's socket. */
interface Wrapped {
  stream?: unknown;
  _handle?: BorrowingHandle | null;
}

/** A TLSSocket: its handle (TLSWrap) knows the JSStreamSocket below. */
interface WrappedInTls {
  _handle?: { _parentWrap?: Wrapped | null } | null;
}

const lent: BorrowingHandle = {
  getpeername(out) {
    const { remoteAddress, remotePort, remoteFamily } = this[lender]!;
    if (remoteAddress === undefined) return -1;
    Object.assign(out, { address: remoteAddress, port: remotePort, family: remoteFamily });
    return 0;
  },
  getsockname(out) {
    Object.assign(out, this[lender]!.address());
    return 0;
  },
  setNoDelay(enable) {
    this[lender]!.setNoDelay(enable);
  },
  setKeepAlive(enable, seconds) {
    this[lender]!.setKeepAlive(enable, seconds * 1000);
  },
  ref() {
    this[lender]!.ref();
  },
  unref() {
    this[lender]!.unref();
  },
};

/** `socket`: a TLSSocket, or the socket of an HTTP/2 session. Nothing happens if no ring3 socket is under it. */
export function lend(socket: object): void {
  const wrapped = (socket as WrappedInTls)._handle?._parentWrap ?? (socket as Wrapped);
  const below = wrapped.stream;
  const handle = wrapped._handle;
  if (!(below instanceof Socket) || handle == null || handle[lender] === below) return;
  Object.assign(handle, lent, { [lender]: below });
}
