// ring3/sim: whole networks in virtual time: hosts with a stack each, routers, links that lose, delay and reorder; scripts in packet notation.
// Imported by users of the package; inside it, files import each other directly.

export { attempt, SimulationError } from './attempt.ts';
export type { Codel, CodelOptions } from './codel.ts';
export { Connection, type ConnectOptions } from './connection.ts';
export { type DrillOptions, type DrillResult, drill, type Seen } from './drill/drill.ts';
export { type DriveOptions, NodeDrive } from './drive.ts';
export { jain } from './fairness.ts';
export { type App, Host, type HostOptions } from './host.ts';
export { Line, type LineCounters, type LineOptions, type QueueOptions } from './line.ts';
export type { GilbertElliottLoss, ListLoss, LossModel, PeriodicLoss, UniformLoss } from './loss.ts';
export { type NetSizes, PacketMemory } from './net.ts';
export { Peer, type Plan } from './peer.ts';
export { Router, type RouterCounters } from './router.ts';
export { type LinkOptions, Sim, type SimOptions } from './sim.ts';
export type { Link } from './topology.ts';
export { type Sample, trace, traceCsv } from './trace.ts';
