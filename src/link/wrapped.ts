// The base of wrappers: a link that passes everything on to the link inside it.
// Extended by capture, holding (fault, shape) and whoever wraps a link; calls the inner link.

import type { Link, LinkCaps, LinkCounters, LinkMemory, RxBatch, TxBatch } from '../base/link.ts';

/** A link around another: override what should differ. Wrappers may be stacked in any order. */
export class WrappedLink implements Link {
  /** The link inside. */
  readonly inner: Link;
  readonly caps: LinkCaps;
  readonly memory: LinkMemory;
  readonly counters: LinkCounters;

  /** `caps` and `counters` are the inner link's unless the wrapper has its own. */
  constructor(inner: Link, caps: LinkCaps = inner.caps, counters: LinkCounters = inner.counters) {
    this.inner = inner;
    this.caps = caps;
    this.memory = inner.memory;
    this.counters = counters;
  }

  receive(batch: RxBatch): number {
    return this.inner.receive(batch);
  }

  release(batch: RxBatch): void {
    this.inner.release(batch);
  }

  room(): number {
    return this.inner.room();
  }

  transmit(batch: TxBatch): number {
    return this.inner.transmit(batch);
  }

  wake(fn: () => void): void {
    this.inner.wake(fn);
  }

  pollAt(): number {
    return this.inner.pollAt();
  }

  close(): void {
    this.inner.close();
  }
}
