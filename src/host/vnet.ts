// The struct virtio_net_hdr that Linux puts before each frame of a TUN/TAP device or packet socket: who sums, who segments.
// Called by frame-device; calls nothing.
//
//   0       1          2               4               6                8               10
//   +-------+----------+---------------+---------------+----------------+---------------+
//   | flags | gso type | header length | segment size  | checksum start | its offset    |   16-bit fields in the
//   +-------+----------+---------------+---------------+----------------+---------------+   machine's order (little-endian)

import { RX_SUM_GOOD, RX_SUM_PARTIAL, TX_GSO_TCP4, TX_GSO_TCP6, TX_SUM_PARTIAL, type TxBatch } from '../base/link.ts';

/** Bytes of the header (without the number of merged buffers, which these devices do not use). */
export const VNET_HEADER = 10;

const NEEDS_CSUM = 1;
const DATA_VALID = 2;
const GSO_TCP4 = 1;
const GSO_TCP6 = 4;

/** What the header at `at` says about the frame's L4 checksum: RX_SUM_* flags. */
export function vnetRxFlags(u8: Uint8Array, at: number): number {
  const flags = u8[at]!;
  return (flags & NEEDS_CSUM) !== 0 ? RX_SUM_PARTIAL : (flags & DATA_VALID) !== 0 ? RX_SUM_GOOD : 0;
}

/** Writes the header of entry `i` of `batch` at `at`. */
export function putVnet(u8: Uint8Array, at: number, batch: TxBatch, i: number): void {
  const flags = batch.flags[i]!;
  if (flags === 0) {
    u8.fill(0, at, at + VNET_HEADER);
    return;
  }
  const gso = (flags & TX_GSO_TCP4) !== 0 ? GSO_TCP4 : (flags & TX_GSO_TCP6) !== 0 ? GSO_TCP6 : 0;
  u8[at] = (flags & (TX_SUM_PARTIAL | TX_GSO_TCP4 | TX_GSO_TCP6)) !== 0 ? NEEDS_CSUM : 0;
  u8[at + 1] = gso;
  put16(u8, at + 2, gso === 0 ? 0 : batch.headerLength[i]!);
  put16(u8, at + 4, gso === 0 ? 0 : batch.gsoSize[i]!);
  put16(u8, at + 6, batch.csumStart[i]!);
  put16(u8, at + 8, batch.csumOffset[i]!);
}

function put16(u8: Uint8Array, at: number, value: number): void {
  u8[at] = value;
  u8[at + 1] = value >>> 8;
}
