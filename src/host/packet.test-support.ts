// For tests of devices: TCP packets whose checksum is the pseudo-header's, and the plain sum to check others by.
// Called by tuntap.test.ts; calls nothing.

import assert from 'node:assert/strict';
import type { LinkMemory, TxBatch } from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';

/** An IPv4 or IPv6 packet with `payload` bytes behind a TCP header, in one piece; `ethernet` before it if asked for. */
export function packet(mem: LinkMemory, batch: TxBatch, version: 4 | 6, payload: number, ethernet: boolean): number {
  const ip = version === 4 ? 20 : 40;
  const l2 = ethernet ? 14 : 0;
  const total = l2 + ip + 20 + payload;
  const frame = mem.frames.alloc(total);
  assert.notEqual(frame, 0);
  const at = frame + HEADROOM;
  const u8 = mem.arena.u8;
  u8.fill(0, at, at + total);
  for (let i = 0; i < payload; i++) u8[at + total - payload + i] = i * 3;
  const view = new DataView(u8.buffer);
  if (ethernet) {
    u8.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], at);
    view.setUint16(at + 12, version === 4 ? 0x0800 : 0x86dd);
  }
  const l3 = at + l2;
  if (version === 4) {
    u8.set(
      [
        0x45,
        0,
        (ip + 20 + payload) >> 8,
        (ip + 20 + payload) & 255,
        0,
        1,
        0x40,
        0,
        64,
        6,
        0,
        0,
        10,
        9,
        0,
        1,
        10,
        9,
        0,
        2,
      ],
      l3,
    );
    view.setUint16(l3 + 10, ~sum(u8, l3, 20, 0) & 0xffff);
  } else {
    u8.set([0x60, 0, 0, 0, (20 + payload) >> 8, (20 + payload) & 255, 6, 64, 0xfd], l3);
    u8[l3 + 23] = 1;
    u8[l3 + 24] = 0xfd;
    u8[l3 + 39] = 2;
  }
  const l4 = l3 + ip;
  u8.set([0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0], l4);
  const i = batch.push(at, total);
  batch.headerLength[i] = l2 + ip + 20;
  batch.csumStart[i] = l2 + ip;
  batch.csumOffset[i] = 16;
  view.setUint16(l4 + 16, pseudo(u8, l3, version, 20 + payload));
  return i;
}

/** The folded sum of 16-bit words (RFC 1071), from `start` on. */
export function sum(u8: Uint8Array, at: number, length: number, start: number): number {
  let total = start;
  for (let i = 0; i < length; i++) total += (i & 1) === 0 ? u8[at + i]! << 8 : u8[at + i]!;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** The pseudo-header's sum for TCP. */
export function pseudo(u8: Uint8Array, l3: number, version: 4 | 6, l4Length: number): number {
  return version === 4 ? sum(u8, l3 + 12, 8, 6 + l4Length) : sum(u8, l3 + 8, 32, 6 + l4Length);
}
