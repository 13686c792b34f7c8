// For the tests of this folder: runs a reader so that a look beyond the packet's end shows, on valid and broken bytes.
// Called by the *.test.ts files beside it; calls nothing.

/**
 * A reader under test: what it returns must depend on the bytes in [o, end) of `b` alone, so offsets in it count from
 * `o`, and be made of plain values and arrays.
 */
export type Reader = (b: Uint8Array, o: number, end: number) => unknown;

/**
 * Runs `read` on the packet in an array that is just as long, and in larger ones, elsewhere, with different garbage
 * around it. Throws if it throws, or if its results differ: then it looked outside. Returns the result as JSON.
 */
export function bounded(packet: Uint8Array, read: Reader): string {
  const exact = JSON.stringify(read(packet, 0, packet.length));
  for (const [at, garbage] of [
    [0, 0x00],
    [34, 0x5a],
    [67, 0xff],
  ] as const) {
    const b = new Uint8Array(at + packet.length + 2048).fill(garbage);
    b.set(packet, at);
    const other = JSON.stringify(read(b, at, at + packet.length));
    if (other !== exact) {
      throw new Error(`reads outside ${hex(packet)}: ${exact}, but ${other} at ${at} among bytes of ${garbage}`);
    }
  }
  return exact;
}

/** Runs `bounded` on the packet cut off at every length. */
export function boundedAtEveryLength(packet: Uint8Array, read: Reader): void {
  for (let length = 0; length <= packet.length; length++) bounded(packet.slice(0, length), read);
}

/** A seeded generator of small integers (mulberry32). */
export function random(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Random bytes, `length` of them. */
export function randomBytes(next: (below: number) => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => next(256));
}

/**
 * Runs `bounded` `count` times: half on random bytes of up to `longest`, half on one of the valid packets with a few
 * bytes changed and perhaps its end cut off. A failure names the seed's turn and the bytes.
 */
export function fuzz(seed: number, count: number, longest: number, valid: readonly Uint8Array[], read: Reader): void {
  const next = random(seed);
  for (let turn = 0; turn < count; turn++) {
    let packet: Uint8Array;
    if (turn % 2 === 0 || valid.length === 0) packet = randomBytes(next, next(longest + 1));
    else {
      packet = valid[next(valid.length)]!.slice();
      for (let changes = next(4); changes >= 0; changes--) packet[next(packet.length)] = next(256);
      if (next(3) === 0) packet = packet.slice(0, next(packet.length + 1));
    }
    try {
      bounded(packet, read);
    } catch (error) {
      throw new Error(`seed ${seed}, turn ${turn}: ${hex(packet)}`, { cause: error });
    }
  }
}

/** Hexadecimal text of some bytes. */
export function hex(b: Uint8Array): string {
  return Array.from(b, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Bytes of hexadecimal text; white space in it is ignored. */
export function unhex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}
