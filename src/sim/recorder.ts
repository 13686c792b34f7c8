// The record of a simulation as pcapng: every packet that enters and leaves a line, on an interface for each, losses with the reason.
// Made by sim.ts on demand; called by line.ts; calls wire/pcapng.

import {
  LINKTYPE_RAW,
  PCAPNG_PACKET_HEAD,
  pcapngInterface,
  pcapngPacketRoom,
  pcapngSection,
  putPcapngHead,
  putPcapngTail,
} from '../wire/pcapng.ts';
import { START } from './net.ts';

/** Seconds since 1970 at virtual time 0: 2026-01-01T00:00Z, so that a record looks the same whenever it is made. */
export const EPOCH = 1_767_225_600;

export class Recorder {
  readonly #sink: (bytes: Uint8Array) => void;
  readonly #time: Float64Array;
  #interfaces = 0;
  /** The interface for packets that do not arrive; a comment says where and why. */
  readonly lost: number;

  /** `sink` takes whole blocks in order; `time` is the net's. */
  constructor(sink: (bytes: Uint8Array) => void, time: Float64Array) {
    this.#sink = sink;
    this.#time = time;
    sink(pcapngSection('ring3 sim'));
    this.lost = this.add('lost');
  }

  /** The number of a new interface of the file. */
  add(name: string): number {
    this.#sink(pcapngInterface(LINKTYPE_RAW, 0, name));
    return this.#interfaces++;
  }

  /** Records a packet at the present time: `flags` PCAPNG_INBOUND or PCAPNG_OUTBOUND, `comment` may be empty. */
  packet(iface: number, bytes: Uint8Array, offset: number, length: number, flags: number, comment: string): void {
    const now = this.#time[0]! - START;
    const out = new Uint8Array(pcapngPacketRoom(length, comment));
    const seconds = Math.floor(now / 1e6);
    putPcapngHead(out, 0, iface, EPOCH + seconds, Math.round((now - seconds * 1e6) * 1e3) % 1e9, length, length);
    out.set(bytes.subarray(offset, offset + length), PCAPNG_PACKET_HEAD);
    this.#sink(out.subarray(0, putPcapngTail(out, 0, length, flags, comment)));
  }
}
