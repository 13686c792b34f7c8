// One alarm at a monotonic time: a timerfd in Node's loop (microseconds), or setTimeout where there is no FFI (1 ms).
// Called by loop; calls ffi and watch.

import { closeSync } from 'node:fs';
import { hostError } from './errors.ts';
import { addressOf, errno, errnoCode, ffiAvailable, libc } from './ffi.ts';
import { Watch } from './watch.ts';

/** Calls back once, at or soon after the time it was set to. Never keeps the process alive. */
export interface Alarm {
  /** The alarm goes off at monotonic time `at` (us, finite), instead of at the time before; `now` is the time of the call. */
  set(at: number, now: number): void;
  /** Idempotent. */
  close(): void;
}

/** The best alarm there is. `ring` may be called early or without need: it only makes the loop look. */
export function openAlarm(ring: () => void): Alarm {
  return ffiAvailable() ? new TimerfdAlarm(ring) : new TimeoutAlarm(ring);
}

const CLOCK_MONOTONIC = 1;
const TFD_NONBLOCK = 0o4000;
const TFD_CLOEXEC = 0o2000000;
const TFD_TIMER_ABSTIME = 1;

/**
 * libuv's timers have 1 ms, too coarse for pacing and for links that delay. Setting it costs a system call, so the loop
 * does that only before it sleeps. struct itimerspec: [interval s, ns | value s, ns], 64 bits each.
 */
class TimerfdAlarm implements Alarm {
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #spec: Uint32Array = new Uint32Array(new ArrayBuffer(4096));
  readonly #address: number = addressOf(this.#spec);
  #open = true;

  constructor(ring: () => void) {
    this.#fd = libc().timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (this.#fd < 0) throw hostError(errnoCode(errno()), `no timer: ${errnoCode(errno())}`, 'timerfd_create');
    this.#watch = new Watch(this.#fd, () => {
      this.#program(0); // disarms and clears what made the descriptor readable
      ring();
    });
  }

  set(at: number, _now: number): void {
    this.#program(Math.max(Math.ceil(at), 1));
  }

  #program(at: number): void {
    if (!this.#open) return;
    const seconds = Math.floor(at / 1e6);
    this.#spec[4] = seconds;
    this.#spec[5] = seconds / 2 ** 32;
    this.#spec[6] = (at - seconds * 1e6) * 1000;
    libc().timerfd_settime(this.#fd, TFD_TIMER_ABSTIME, this.#address, 0);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.close();
    closeSync(this.#fd);
  }
}

/** Below this, setTimeout cannot tell times apart: the loop turns by setImmediate until the time has come. */
const COARSE = 1000;
const LONGEST = 2 ** 31 - 1;

class TimeoutAlarm implements Alarm {
  readonly #ring: () => void;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  #immediate: ReturnType<typeof setImmediate> | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  set(at: number, now: number): void {
    this.close();
    if (at - now < COARSE) this.#immediate = setImmediate(this.#ring);
    else this.#timeout = setTimeout(this.#ring, Math.min(Math.floor((at - now) / 1000), LONGEST)).unref();
  }

  close(): void {
    clearTimeout(this.#timeout);
    clearImmediate(this.#immediate);
  }
}
