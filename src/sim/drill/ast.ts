// A script as data: events in order, each with its time; packets, system calls, commands and assertions.
// Made by parser.ts and its parts; read by run.ts and what it calls; calls nothing.

/** When an event happens (us). 'relative' counts from the moment at which the one before it was done. */
export interface When {
  readonly kind: 'absolute' | 'relative' | 'any';
  readonly at: number;
  /** End of a range `a~b`, or undefined. */
  readonly until: number | undefined;
}

/** A value written in a system call. */
export type Value =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  /** `...`: whatever the interpreter thinks best; not compared. */
  | { readonly kind: 'any' }
  /** A name without a known number. */
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Value[] };

/** A member of a struct; name '' where it stands by position. */
export interface Field {
  readonly name: string;
  readonly value: Value;
}

export interface SysCall {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Value[];
  /** End of `t0...t1` (us, in the terms of the start), for calls that block. */
  readonly end: number | undefined;
  readonly result: Value;
  /** The errno's name where the result is -1. */
  readonly errno: string | undefined;
}

/** One TCP option as it is written. */
export type TcpOption =
  | { readonly kind: 'mss' | 'wscale'; readonly value: number | undefined }
  | { readonly kind: 'nop' | 'eol' | 'sackOK' }
  | { readonly kind: 'sack'; readonly blocks: readonly (readonly [number, number])[] }
  | { readonly kind: 'TS'; readonly val: number | undefined; readonly ecr: number | undefined }
  | { readonly kind: 'raw'; readonly code: number; readonly data: Uint8Array };

/** What is said about the IP header; undefined: not looked at, and usual when sent. */
export interface IpInfo {
  /** ECN bits 0..3, or the whole byte. */
  readonly ecn?: number;
  readonly tos?: number;
  readonly ttl?: number;
  readonly flowLabel?: number;
}

/** Ports (and addresses) where the script gives them. */
export interface Tuple {
  readonly src: string | undefined;
  readonly srcPort: number;
  readonly dst: string | undefined;
  readonly dstPort: number;
}

export interface TcpPacket {
  readonly kind: 'tcp';
  readonly inbound: boolean;
  readonly ip: IpInfo;
  readonly tuple: Tuple | undefined;
  /** The flag bits as they stand in the header; bit 8 is AE. undefined: any. */
  readonly flags: number;
  readonly seq: number | undefined;
  readonly length: number | undefined;
  readonly ack: number | undefined;
  readonly win: number | undefined;
  readonly urg: number | undefined;
  /** undefined: `<...>`, not looked at. */
  readonly options: readonly TcpOption[] | undefined;
}

export interface UdpPacket {
  readonly kind: 'udp';
  readonly inbound: boolean;
  readonly ip: IpInfo;
  readonly tuple: Tuple | undefined;
  readonly length: number | undefined;
}

export interface IcmpPacket {
  readonly kind: 'icmp';
  readonly inbound: boolean;
  readonly ip: IpInfo;
  readonly version: 4 | 6;
  readonly type: number;
  readonly code: number;
  readonly mtu: number | undefined;
  /** The quoted packet: TCP by sequence numbers, or UDP by length. */
  readonly quote:
    | { readonly udp: boolean; readonly seq: number; readonly length: number; readonly tuple: Tuple | undefined }
    | undefined;
  /** Of an echo: id, seq and payload bytes. */
  readonly echo: { readonly id: number; readonly seq: number; readonly length: number } | undefined;
}

export type Packet = TcpPacket | UdpPacket | IcmpPacket;

export interface Command {
  readonly kind: 'command';
  readonly text: string;
}

/** `%{ … }%`. `line` is where its text begins. */
export interface Code {
  readonly kind: 'code';
  readonly text: string;
  readonly line: number;
}

export interface Event {
  readonly when: When;
  readonly line: number;
  readonly column: number;
  /** The event as it stands in the file, without its time. */
  readonly source: string;
  readonly what: Packet | SysCall | Command | Code;
}

export interface Script {
  readonly name: string;
  /** Options at the top of the file: `--name=value`. */
  readonly options: readonly { readonly name: string; readonly value: string; readonly line: number }[];
  readonly events: readonly Event[];
}
