// ring3/stack: the stack and what is needed to make one, feed it and ask it.
// Imported by users of the package; inside it, files import each other directly.

export { LAYOUT_VERSION } from '../base/arena.ts';
export { Core, StackMemory } from './core.ts';
export { COUNTER_NAMES, Counters } from './counters.ts';
export { Interface, type InterfaceAddress } from './interface.ts';
export { Interfaces } from './interfaces.ts';
export type { Neighbour } from './neighbour-table.ts';
export { Neighbours } from './neighbours.ts';
export type { Route } from './route-table.ts';
export { Routes } from './routes.ts';
export { DEFAULT_SETTINGS, type Settings } from './settings.ts';
export { type AttachOptions, createMemory, type MemorySizes, Stack, type StackOptions } from './stack.ts';
export * from './tcp/flags.ts';
export type { TcpInfo } from './tcp/info.ts';
export * from './tcp/state.ts';
export { TCB_BYTES, TCB_FIELDS } from './tcp/tcb.ts';
export { Endpoints, Tcp } from './tcp/tcp.ts';
export { Udp } from './udp.ts';
export { Way } from './way.ts';
