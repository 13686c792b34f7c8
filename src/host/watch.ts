// A descriptor in Node's own event loop: tells when it can be read or written.
// Called by tuntap (devices) and loop (the timer); calls ffi (uv_poll through koffi).
//
// The callback comes from libuv without a callback scope of Node's: promises and process.nextTick that it starts would
// wait for some later event, and what it throws would be lost. So it may only mark work, as Link.wake asks anyway; the
// loop's pass runs from setImmediate, which libuv reaches right after its poll phase (measured: 0.2 us more than here).

import { openPoll, type PollHandle } from './ffi.ts';

/**
 * Watches that are open. While Node takes its environment down it runs libuv once more: a descriptor that becomes ready
 * just then would call JavaScript that is gone, and the process would abort. So at 'exit' all of them stop.
 */
const open = new Set<PollHandle>();
process.once('exit', () => {
  for (const handle of open) handle.stop();
});

/** Watches one descriptor. It never keeps the process alive by itself. */
export class Watch {
  readonly #handle: PollHandle;
  readonly #callback: (status: number) => void;
  #open = true;

  /**
   * `ready(failed)` is called while the descriptor is readable (it is level-triggered), and from writable(true) on while
   * it is writable. `failed` is true when the device is gone: the watch has then ended by itself.
   */
  constructor(fd: number, ready: (failed: boolean) => void) {
    this.#callback = (status) => {
      if (this.#open) ready(status < 0);
    };
    this.#handle = openPoll(fd, true, false, this.#callback);
    this.#handle.unref();
    open.add(this.#handle);
  }

  /** Also (or no longer) tells when the descriptor can be written. */
  writable(wanted: boolean): void {
    if (this.#open) this.#handle.start({ readable: true, writable: wanted }, this.#callback);
  }

  /** Ends the watch; to be called before the descriptor is closed. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    open.delete(this.#handle);
    this.#handle.close();
  }
}
