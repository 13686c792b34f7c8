// What ping shows and counts, in the words of ping(8) of iputils: programs that read that read this.
// Called by ping.ts; calls nothing.

/** One answer. `time` in microseconds, NaN where it is not known; `bad`: the first byte of the payload that is wrong, or -1. */
export interface Answer {
  readonly bytes: number;
  readonly source: string;
  readonly sequence: number;
  readonly ttl: number;
  readonly time: number;
  readonly duplicate: boolean;
  readonly bad: number;
}

const ERRORS: Readonly<Record<string, string>> = {
  EHOSTUNREACH: 'Destination Host Unreachable',
  ENETUNREACH: 'Destination Net Unreachable',
  ECONNREFUSED: 'Destination Port Unreachable',
  EACCES: 'Destination is a broadcast address',
  EMSGSIZE: 'Message too long',
};

export class PingReport {
  sent = 0;
  /** Requests that were answered, duplicates not counted. */
  received = 0;
  readonly #name: string;
  readonly #address: string;
  readonly #size: number;
  readonly #v4: boolean;
  readonly #quiet: boolean;
  readonly #print: (line: string) => void;
  readonly #start: number = performance.now();
  #duplicates = 0;
  #errors = 0;
  #corrupted = 0;
  #times = 0;
  #min = Infinity;
  #max = 0;
  #sum = 0;
  #squares = 0;

  /** `name` as the user wrote it; `size` of the payload. */
  constructor(name: string, address: string, size: number, v4: boolean, quiet: boolean, print: (line: string) => void) {
    this.#name = name;
    this.#address = address;
    this.#size = size;
    this.#v4 = v4;
    this.#quiet = quiet;
    this.#print = print;
  }

  begin(): void {
    const sizes = this.#v4 ? `${this.#size}(${this.#size + 28}) bytes of data.` : `${this.#size} data bytes`;
    this.#print(`PING ${this.#name} (${this.#address}) ${sizes}`);
  }

  answer(a: Answer): void {
    if (a.duplicate) this.#duplicates++;
    else this.received++;
    if (a.bad >= 0) this.#corrupted++;
    const known = !Number.isNaN(a.time);
    if (known) this.#count(a.time / 1000);
    if (this.#quiet) return;
    const time = known ? ` time=${formatTime(a.time / 1000)} ms` : '';
    const marks = (a.duplicate ? ' (DUP!)' : '') + (a.bad >= 0 ? ` (wrong data byte #${a.bad})` : '');
    this.#print(`${a.bytes} bytes from ${a.source}: icmp_seq=${a.sequence} ttl=${a.ttl}${time}${marks}`);
  }

  error(sequence: number, errno: string): void {
    this.#errors++;
    if (!this.#quiet) this.#print(`ping: icmp_seq=${sequence} ${ERRORS[errno] ?? errno}`);
  }

  /** The statistics. */
  end(): void {
    const loss = this.sent === 0 ? 0 : ((this.sent - this.received) / this.sent) * 100;
    const elapsed = Math.round(performance.now() - this.#start);
    const more =
      (this.#duplicates > 0 ? `, +${this.#duplicates} duplicates` : '') +
      (this.#corrupted > 0 ? `, +${this.#corrupted} corrupted` : '') +
      (this.#errors > 0 ? `, +${this.#errors} errors` : '');
    this.#print('');
    this.#print(`--- ${this.#name} ping statistics ---`);
    this.#print(
      `${this.sent} packets transmitted, ${this.received} received${more}, ${Number(loss.toPrecision(6))}% packet loss, time ${elapsed}ms`,
    );
    if (this.#times === 0) return;
    const mean = this.#sum / this.#times;
    const deviation = Math.sqrt(Math.max(0, this.#squares / this.#times - mean * mean));
    const values = [this.#min, mean, this.#max, deviation].map((value) => value.toFixed(3)).join('/');
    this.#print(`rtt min/avg/max/mdev = ${values} ms`);
  }

  #count(time: number): void {
    this.#times++;
    this.#min = Math.min(this.#min, time);
    this.#max = Math.max(this.#max, time);
    this.#sum += time;
    this.#squares += time * time;
  }
}

/** As iputils: three digits that matter. */
function formatTime(time: number): string {
  return time.toFixed(time < 10 ? (time < 1 ? 3 : 2) : time < 100 ? 1 : 0);
}
