// ring3/web: a web server for a folder of files, on any stack whose sockets have the shape of node:net's.
// Called by users and by cli; calls nothing.

export type { HandlerOptions, Peer, WebRequest, WebResponse, WebStats } from './handler.ts';
export type { LogEntry, LogFormat, LogStream } from './log.ts';
export type { Listening, ListenOptions, NetModule, NetServer, WebLimits, WebOptions } from './options.ts';
export { createWeb, Web } from './server.ts';
