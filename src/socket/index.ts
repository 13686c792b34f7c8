// The Node-shaped shell of a stack, as other floors and users import it.
// Calls nothing: re-exports.

export { createDgram, type Dgram } from './dgram.ts';
export { duplexLink, type StreamCore, type StreamPort } from './duplex-link.ts';
export type { SystemError } from './errors.ts';
export { type Connector, type ConnectorOptions, createHttp, type Http } from './http.ts';
export { createNet, type Net } from './net.ts';
export { Network, type SocketStack } from './network.ts';
export type { TcpControls, TcpInfo, TcpOptionName } from './tcp-options.ts';
