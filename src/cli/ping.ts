// `ring3 ping`: echo requests from the stack, and what comes of them, shown as ping(8) of iputils does.
// Called by program.ts; calls assemble.ts and the stack's ping sockets.

import { AsyncResource } from 'node:async_hooks';
import { formatAddress, isMapped, parseAddress } from '../base/address.ts';
import { EAGAIN, errnoName } from '../base/errno.ts';
import type { Udp } from '../stack/udp.ts';
import { UDP_OPTION_TTL } from '../stack/udp-options.ts';
import { ICMP4_ECHO, putIcmpEcho } from '../wire/icmp4.ts';
import { ICMP6_ECHO } from '../wire/icmp6.ts';
import { type Assembled, assemble, type Inside } from './assemble.ts';
import { readyToSend } from './device.ts';
import { EXIT_FAILURE, failure, meaning, usage } from './errors.ts';
import { lookUp } from './lookup.ts';
import { inwardOnly, type LinkOptions } from './options.ts';
import { PingReport } from './ping-report.ts';
import { onSignal } from './signals.ts';

/** Options of the command. Times in microseconds. */
export interface PingOptions extends LinkOptions {
  readonly count?: number;
  readonly size: number;
  readonly interval: number;
  /** How long to wait for the last answers. */
  readonly wait: number;
  readonly ttl?: number;
  readonly quiet?: boolean;
}

/** The ICMP header of an echo. */
const HEADER = 8;
/** The largest payload: a packet of 65,535 bytes less the headers of IPv4 and ICMP, or of ICMPv6. */
const MOST4 = 65_535 - 20 - HEADER;
const MOST6 = 65_535 - HEADER;
/** Requests whose time of sending is kept; an answer that comes later still counts, without a time. */
const REMEMBERED = 1024;

/** Runs the command; resolves to its exit code: 0 if anything answered, 1 if nothing did. */
export async function ping(host: string, options: PingOptions): Promise<number> {
  inwardOnly('ping', options.link);
  const address = await lookUp(host);
  const words = new Int32Array(4);
  if (!parseAddress(address, words, 0)) throw usage(`${JSON.stringify(host)} is no address and no name`);
  const v4 = isMapped(words[0]!, words[1]!, words[2]!);
  if (options.size > (v4 ? MOST4 : MOST6)) throw usage(`--size ${options.size}: at most ${v4 ? MOST4 : MOST6}`);
  if (options.ttl !== undefined && (options.ttl < 1 || options.ttl > 255)) throw usage('--ttl is from 1 to 255');
  // Before there is a device: who sees it may interrupt us at once.
  const stop = new AbortController();
  const release = onSignal(() => stop.abort());
  process.stdout.once('error', () => stop.abort()); // who reads us has had enough
  try {
    return await pingOn(await assemble({ ...options, warn }), host, address, words, v4, options, stop.signal);
  } finally {
    release();
  }
}

function warn(text: string): void {
  process.stderr.write(`ring3 ping: ${text}\n`);
}

/** The run itself, through a stack that is taken down at its end. */
async function pingOn(
  assembled: Assembled,
  host: string,
  address: string,
  words: Int32Array,
  v4: boolean,
  options: PingOptions,
  signal: AbortSignal,
): Promise<number> {
  const report = new PingReport(host, address, options.size, v4, options.quiet ?? false, (text) =>
    process.stdout.write(`${text}\n`),
  );
  try {
    await readyToSend(assembled, signal);
    if (signal.aborted) return EXIT_FAILURE;
    report.begin();
    await new Pinger(assembled.inside!, words, v4, options, report).run(signal);
  } finally {
    await assembled.close(0);
  }
  report.end();
  return report.received > 0 ? 0 : EXIT_FAILURE;
}

/** One run: sends at its times, listens, and ends after the last answer, the wait, or a signal. */
class Pinger {
  readonly #udp: Udp;
  readonly #inside: Inside;
  readonly #options: PingOptions;
  readonly #report: PingReport;
  readonly #handle: number;
  readonly #request: Uint8Array;
  readonly #reply: Uint8Array;
  readonly #type: number;
  readonly #sentAt: Float64Array = new Float64Array(REMEMBERED).fill(Number.NaN);
  readonly #answered: Uint8Array = new Uint8Array(65_536);
  #sent = 0;
  #finish: () => void = () => {};

  constructor(inside: Inside, words: Int32Array, v4: boolean, options: PingOptions, report: PingReport) {
    this.#inside = inside;
    this.#udp = inside.stack.udp;
    this.#options = options;
    this.#report = report;
    this.#type = v4 ? ICMP4_ECHO : ICMP6_ECHO;
    this.#request = new Uint8Array(HEADER + options.size);
    this.#reply = new Uint8Array(HEADER + options.size + 1);
    for (let i = 0; i < options.size; i++) this.#request[HEADER + i] = i;
    this.#handle = this.#udp.open({ family: v4 ? 4 : 6, protocol: 'icmp' });
    if (this.#handle < 0) throw failure(`no ping socket: ${errnoName(this.#handle)}`);
    if (options.ttl !== undefined) this.#udp.set(this.#handle, UDP_OPTION_TTL, options.ttl);
    const [w0, w1, w2, w3] = [words[0]!, words[1]!, words[2]!, words[3]!];
    const error = this.#udp.connect(this.#handle, w0, w1, w2, w3, 0);
    if (error < 0) throw failure(`${formatAddress(w0, w1, w2, w3)}: ${meaning({ code: errnoName(error) })}`);
  }

  /** Sends and listens until all is answered, the wait is over, or `signal` says so. */
  async run(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const sink = { scope: new AsyncResource('RING3_PING'), ready: () => this.#receive() };
    this.#inside.network.watchUdp(this.#handle, sink);
    signal.addEventListener('abort', () => this.#finish());
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#finish = resolve;
      const next = (): void => {
        if (this.#options.count !== undefined && this.#sent === this.#options.count) {
          timer = setTimeout(resolve, this.#options.wait / 1000);
          return;
        }
        this.#send();
        timer = setTimeout(next, this.#options.interval / 1000);
      };
      next();
    });
    clearTimeout(timer);
    this.#inside.network.forgetUdp(this.#handle);
    this.#udp.close(this.#handle);
  }

  #send(): void {
    const sequence = ++this.#sent & 0xffff;
    putIcmpEcho(this.#request, 0, this.#type, 0, sequence);
    this.#sentAt[sequence % REMEMBERED] = this.#inside.loop.clock.monotonic();
    this.#answered[sequence] = 0;
    this.#report.sent++;
    const n = this.#udp.send(this.#handle, this.#request, 0, this.#request.length, 0, 0, 0, 0, 0);
    if (n < 0 && n !== -EAGAIN) this.#report.error(sequence, errnoName(n));
  }

  #receive(): void {
    for (;;) {
      const n = this.#udp.receive(this.#handle, this.#reply, 0, this.#reply.length);
      if (n === -EAGAIN) return;
      if (n < 0) {
        this.#report.error(this.#sent & 0xffff, errnoName(n));
        continue;
      }
      if (n < HEADER) continue;
      const sequence = (this.#reply[6]! << 8) | this.#reply[7]!;
      const age = (this.#sent - sequence) & 0xffff;
      const time =
        age < REMEMBERED ? this.#inside.loop.clock.monotonic() - this.#sentAt[sequence % REMEMBERED]! : Number.NaN;
      const { from } = this.#udp;
      const duplicate = this.#answered[sequence] === 1;
      this.#answered[sequence] = 1;
      const bad = this.#firstDifference(n);
      const source = formatAddress(from.src0, from.src1, from.src2, from.src3);
      this.#report.answer({ bytes: from.length, source, sequence, ttl: from.hopLimit, time, duplicate, bad });
      if (this.#report.received === this.#options.count) this.#finish();
    }
  }

  /** Where the payload of a reply of `n` bytes differs from what was sent, or -1. */
  #firstDifference(n: number): number {
    if (n !== this.#request.length) return Math.min(n, this.#request.length) - HEADER;
    for (let i = HEADER; i < n; i++) if (this.#reply[i] !== this.#request[i]) return i - HEADER;
    return -1;
  }
}
