// The status line: connections, rates and drops, drawn once a second on a terminal and nowhere else.
// Called by serve.ts; writes to the stream it is given.

import { formatCount, formatSize } from './units.ts';

/** What is shown, as it stands now; counters count from the start. `undefined`: not known on this link. */
export interface Sample {
  readonly connections: number;
  readonly requests: number;
  readonly received: number | undefined;
  readonly sent: number;
  readonly drops: number | undefined;
}

/** The part of a terminal that is used. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const PERIOD = 1000;
/** To the first column, and the line erased. */
const ERASE = '\r\x1b[K';

/** Draws itself every second until stop(). On what is no terminal it never writes anything. */
export class StatusLine {
  readonly #out: Terminal;
  readonly #read: () => Sample;
  readonly #now: () => number;
  #before: Sample;
  #at: number;
  #text = '';
  #drawn = false;
  #timer: NodeJS.Timeout | undefined;

  /** `now` in milliseconds. */
  constructor(out: Terminal, read: () => Sample, now: () => number = () => performance.now()) {
    this.#out = out;
    this.#read = read;
    this.#now = now;
    this.#before = read();
    this.#at = now();
  }

  start(): void {
    if (!this.#out.isTTY) return;
    this.draw();
    this.#timer = setInterval(() => this.draw(), PERIOD);
    this.#timer.unref();
  }

  /** Takes a sample and draws it. */
  draw(): void {
    if (!this.#out.isTTY) return;
    const sample = this.#read();
    const now = this.#now();
    this.#text = formatStatus(sample, this.#before, (now - this.#at) / 1000);
    this.#before = sample;
    this.#at = now;
    this.#show();
  }

  /** Makes way for lines of text that `print` writes, and draws itself again below. */
  around(print: () => void): void {
    this.#erase();
    print();
    if (this.#timer !== undefined) this.#show();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#erase();
  }

  #show(): void {
    // The last column stays free: some terminals go on to the next line there.
    this.#out.write(ERASE + this.#text.slice(0, Math.max(0, (this.#out.columns ?? 80) - 1)));
    this.#drawn = true;
  }

  #erase(): void {
    if (this.#drawn) this.#out.write(ERASE);
    this.#drawn = false;
  }
}

/** The line for a sample and the one before it, `seconds` earlier. */
export function formatStatus(now: Sample, before: Sample, seconds: number): string {
  const rate = (a: number, b: number): number => (seconds > 0 ? Math.max(0, a - b) / seconds : 0);
  const parts = [
    `${now.connections} connection${now.connections === 1 ? '' : 's'}`,
    ...(now.received === undefined ? [] : [`in ${formatSize(rate(now.received, before.received ?? 0))}/s`]),
    `out ${formatSize(rate(now.sent, before.sent))}/s`,
    `${formatCount(rate(now.requests, before.requests))} requests/s (${formatCount(now.requests)})`,
  ];
  if (now.drops !== undefined) parts.push(`${formatCount(now.drops)} dropped`);
  return parts.join('   ');
}
