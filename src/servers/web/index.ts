// ring3/web: a web server for a folder of files, on any stack whose sockets have the shape of node:net's.
// Called by users and by cli; calls nothing.

export type { HandlerOptions, Peer, WebRequest, WebResponse, WebStats } from './handler.ts';
export type { LogEntry, LogFormat, LogStream } from './log.ts';
export {
  createWeb,
  type Listening,
  type ListenOptions,
  type NetModule,
  type NetServer,
  Web,
  type WebLimits,
  type WebOptions,
} from './server.ts';
