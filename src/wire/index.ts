// ring3/wire: formats, bytes to fields and back, as free functions on (bytes, offset).
// Imported by users of the package; inside it, files import each other directly.

export * from './arp.ts';
export * from './checksum.ts';
export * from './eth.ts';
export * from './icmp4.ts';
export * from './icmp6.ts';
export * from './ip4.ts';
export * from './ip6.ts';
export * from './ip6-chain.ts';
export * from './ndp.ts';
export * from './ndp-options.ts';
export * from './pcapng.ts';
export * from './pcapng-reader.ts';
export * from './tcp.ts';
export * from './tcp-options.ts';
export * from './udp.ts';
