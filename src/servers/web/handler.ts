// Answers a request for something in the folder: method, target, conditions, ranges, headers, errors, log entry.
// Called by node:http and node:http2 (server.ts, or a server of one's own); calls the other files of this folder.

import { randomBytes } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { extname } from 'node:path';
import type { TLSSocket } from 'node:tls';
import mime from 'mime-types';
import { type BlockStore, type BodyTarget, Buffers, ClientGone, FileChanged, type Piece, sendBody } from './body.ts';
import { type ConditionFields, evaluate, formatHttpDate, rangeApplies, type Validators } from './conditions.ts';
import { type Folder, OpenFile } from './files.ts';
import type { AccessLog } from './log.ts';
import { readTarget } from './paths.ts';
import { type ByteRange, contentRange, multipart, readRange } from './ranges.ts';
import { Turns } from './turns.ts';

export type WebRequest = IncomingMessage | Http2ServerRequest;
export type WebResponse = ServerResponse | Http2ServerResponse;

/** What has been answered since the start. */
export interface WebStats {
  requests: number;
  /** Requests being answered now. */
  active: number;
  /** Bytes of content given to connections. */
  bytes: number;
  /** Answers that did not go out whole. */
  aborted: number;
  /** Answers by status code. */
  readonly statuses: Map<number, number>;
}

/** Where the other end of a connection is; see server.ts. */
export interface Peer {
  readonly address: string | undefined;
  readonly port: number | undefined;
}

export interface HandlerOptions {
  readonly folder: Folder;
  readonly log?: AccessLog | undefined;
  /** Header fields that one request may have; more: 431. */
  readonly maxHeaders: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Who is at the other end of a request's socket. */
  readonly peer: (socket: object) => Peer;
  /** Told of every error that is not the client's: a disk that fails, a defect. */
  readonly onError: (error: unknown) => void;
  /** Memory of the stack whose sockets requests come by, if there is one. */
  readonly store?: BlockStore | undefined;
}

const ALLOW = 'GET, HEAD, OPTIONS';
const SERVER = 'ring3';
/** How often a file that changes before its first byte is sent is opened anew. */
const ATTEMPTS = 3;
/** RFC 9110 section 7.2, RFC 3986 section 3.2: uri-host [ ":" port ], or nothing. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9\-._~!$&'()*+,;=%]*)(:\d*)?$/i;

/** Answers requests. One for any number of servers and connections. */
export class Handler {
  readonly stats: WebStats = { requests: 0, active: 0, bytes: 0, aborted: 0, statuses: new Map() };
  /** Ask HTTP/1 clients to close when they have their answer. */
  draining = false;
  readonly #options: HandlerOptions;
  readonly #buffers: Buffers;
  readonly #turns = new Turns();

  constructor(options: HandlerOptions) {
    this.#options = options;
    this.#buffers = new Buffers(options.store);
  }

  /** A request listener for node:http, node:https and node:http2 servers. */
  handle(req: WebRequest, res: WebResponse): void {
    if (req.httpVersionMajor >= 2) {
      this.#begin(req, res);
      return;
    }
    const socket = req.socket;
    this.#turns.enter(socket, () => {
      res.once('close', () => this.#turns.done(socket));
      this.#begin(req, res);
    });
  }

  /** Counts and logs a request that could not even be read: the server has answered it with `status`. */
  refused(socket: object, status: number): void {
    this.stats.requests++;
    this.#count(status);
    const peer = this.#options.peer(socket);
    this.#options.log?.add({
      time: this.#options.now(),
      duration: 0,
      remoteAddress: peer.address,
      remotePort: peer.port,
      status,
      bytes: 0,
      aborted: false,
      tls: (socket as Partial<TLSSocket>).encrypted === true,
    });
  }

  #begin(req: WebRequest, res: WebResponse): void {
    const exchange = new Exchange(req, res, this.#options, this.#buffers);
    this.stats.requests++;
    this.stats.active++;
    const start = this.#options.now();
    const began = performance.now();
    const peer = this.#options.peer(req.socket);
    const tls = (req.socket as Partial<TLSSocket>).encrypted === true;
    res.once('close', () => {
      exchange.closed = true;
      this.stats.active--;
      this.stats.bytes += exchange.bytes;
      const aborted = exchange.broken || !res.writableFinished;
      if (aborted) this.stats.aborted++;
      this.#count(res.statusCode);
      this.#options.log?.add({
        time: start,
        duration: performance.now() - began,
        remoteAddress: peer.address,
        remotePort: peer.port,
        method: req.method,
        target: req.url,
        version: req.httpVersion,
        status: res.statusCode,
        bytes: exchange.bytes,
        aborted,
        tls,
        host: req.headers.host ?? headerText(req.headers[':authority']),
        referer: headerText(req.headers['referer']),
        userAgent: req.headers['user-agent'],
      });
    });
    // A client that resets its stream or connection is not an error of ours; 'close' follows.
    res.on('error', () => {});
    req.on('error', () => {});
    if (this.draining && req.httpVersionMajor < 2) res.setHeader('Connection', 'close');
    exchange.answer().catch((error: unknown) => exchange.breakOff(error));
  }

  #count(status: number): void {
    this.stats.statuses.set(status, (this.stats.statuses.get(status) ?? 0) + 1);
  }
}

/** One request and its response. */
class Exchange {
  /** Bytes of content given to the connection. */
  bytes = 0;
  /** The response was cut short by us. */
  broken = false;
  /** The response has closed: nothing reaches the client any more. */
  closed = false;
  readonly #req: WebRequest;
  readonly #res: ServerResponse;
  readonly #options: HandlerOptions;
  readonly #buffers: Buffers;

  constructor(req: WebRequest, res: WebResponse, options: HandlerOptions, buffers: Buffers) {
    this.#req = req;
    // http2's compatibility classes have the members of http's that are used here.
    this.#res = res as ServerResponse;
    this.#options = options;
    this.#buffers = buffers;
  }

  async answer(): Promise<void> {
    const req = this.#req;
    this.#res.setHeader('Server', SERVER);
    this.#res.setHeader('X-Content-Type-Options', 'nosniff');
    if (req.rawHeaders.length > 2 * this.#options.maxHeaders) return this.#refuse(431);
    if (!hasOneHost(req)) return this.#refuse(400);
    if (req.method === 'OPTIONS') return this.#options204();
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      this.#res.setHeader('Allow', ALLOW);
      return this.#refuse(405);
    }
    const target = readTarget(req.url ?? '', process.platform);
    if (typeof target === 'number') return this.#refuse(target);
    for (let attempt = 1; ; attempt++) {
      const found = await this.#options.folder.find(target);
      if (found === null) return this.#refuse(404);
      if (!(found instanceof OpenFile)) {
        this.#res.setHeader('Location', `${target.path}/${target.query}`);
        return this.#refuse(301);
      }
      try {
        return await this.#file(found);
      } catch (error) {
        if (!(error instanceof FileChanged) || this.#res.headersSent || attempt === ATTEMPTS) throw error;
      } finally {
        found.close();
      }
    }
  }

  /** Ends a response that went wrong: with a status where that is still possible, or visibly in the middle. */
  breakOff(error: unknown): void {
    const res = this.#res;
    if (error instanceof ClientGone) return;
    if (!(error instanceof FileChanged)) this.#options.onError(error);
    if (!res.headersSent && !this.closed) {
      const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
      const busy = error instanceof FileChanged || ['EMFILE', 'ENFILE', 'ENOMEM'].includes(code);
      for (const name of res.getHeaderNames()) {
        if (name !== 'connection' && name !== 'server') res.removeHeader(name);
      }
      res.setHeader('X-Content-Type-Options', 'nosniff');
      if (busy) res.setHeader('Retry-After', '1');
      this.#refuse(busy ? 503 : 500);
      return;
    }
    // Content-Length has promised more than was sent: an early end cannot be taken for the whole.
    this.broken = true;
    const stream = (res as unknown as Partial<Http2ServerResponse>).stream;
    if (stream !== undefined) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else if (!this.closed) res.destroy();
  }

  #options204(): void {
    this.#res.statusCode = 204;
    this.#res.setHeader('Allow', ALLOW);
    this.#res.end();
  }

  /** A small plain page that says the status and nothing else. */
  #refuse(status: number): void {
    const res = this.#res;
    const text = errorPage(status);
    res.statusCode = status;
    res.setHeader('Content-Type', 'text/plain; charset=utf-8');
    res.setHeader('Content-Security-Policy', "default-src 'none'");
    res.setHeader('Content-Length', text.length);
    if (this.#req.method === 'HEAD') {
      res.end();
    } else {
      this.bytes += text.length;
      res.end(text);
    }
  }

  async #file(file: OpenFile): Promise<void> {
    const { headers } = this.#req;
    const res = this.#res;
    const now = this.#options.now();
    const current: Validators = { etag: file.etag(now), lastModified: file.lastModified(now) };
    const verdict = evaluate(conditionFields(this.#req), current, now);
    if (verdict === 412) return this.#refuse(412);
    res.setHeader('ETag', current.etag);
    if (verdict === 304) {
      // RFC 9110 section 15.4.5: what the 200 would have had of ETag, Date, Cache-Control…; no other metadata.
      res.statusCode = 304;
      res.end();
      return;
    }
    res.setHeader('Last-Modified', formatHttpDate(current.lastModified));
    res.setHeader('Accept-Ranges', 'bytes');
    // Section 14.2: Range is defined for GET alone.
    const range = this.#req.method === 'GET' ? headers.range : undefined;
    const parts =
      range !== undefined && rangeApplies(headerText(headers['if-range']), current, now)
        ? readRange(range, file.size)
        : null;
    if (parts === null) return this.#whole(file);
    if (parts.length === 0) {
      for (const name of ['ETag', 'Last-Modified']) res.removeHeader(name);
      res.setHeader('Content-Range', `bytes */${file.size}`);
      return this.#refuse(416);
    }
    return this.#partial(file, parts);
  }

  async #whole(file: OpenFile): Promise<void> {
    const res = this.#res;
    res.statusCode = 200;
    res.setHeader('Content-Type', contentType(file.path));
    res.setHeader('Content-Length', file.size);
    if (this.#req.method === 'HEAD' || file.size === 0) res.end();
    else await this.#send(file, [{ text: '', start: 0, end: file.size }], '');
  }

  async #partial(file: OpenFile, parts: readonly ByteRange[]): Promise<void> {
    const res = this.#res;
    const type = contentType(file.path);
    res.statusCode = 206;
    const [first] = parts;
    if (parts.length === 1 && first !== undefined) {
      res.setHeader('Content-Type', type);
      res.setHeader('Content-Range', contentRange(first, file.size));
      res.setHeader('Content-Length', first.end - first.start);
      return this.#send(file, [{ text: '', ...first }], '');
    }
    const layout = multipart(parts, file.size, type, randomBytes(15).toString('hex'));
    res.setHeader('Content-Type', layout.contentType);
    res.setHeader('Content-Length', layout.length);
    const pieces = parts.map((part, i): Piece => ({ text: layout.heads[i]!, ...part }));
    return this.#send(file, pieces, layout.tail);
  }

  async #send(file: OpenFile, pieces: readonly Piece[], tail: string): Promise<void> {
    if (this.closed) throw new ClientGone();
    const count = (bytes: number): void => {
      this.bytes += bytes;
    };
    // TLS and HTTP/2 make bytes of their own from ours, and may hold on to ours for as long as they like.
    const direct = this.#req.httpVersionMajor === 1 && (this.#req.socket as Partial<TLSSocket>).encrypted !== true;
    await sendBody(this.#res as BodyTarget, file, pieces, tail, this.#buffers, count, direct);
  }
}

/** The body of an error page, ASCII. */
export function errorPage(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}\n`;
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

/** RFC 9112 section 3.2: at most one Host line, with a valid value; exactly one in HTTP/1.1. */
function hasOneHost(req: WebRequest): boolean {
  const hosts = lines(req, 'host');
  if (hosts > 1 || (hosts === 0 && req.httpVersion === '1.1')) return false;
  return HOST.test(req.headers.host ?? headerText(req.headers[':authority']) ?? '');
}

/** How many lines of a field the request has; node:http keeps only the first of some. */
function lines(req: WebRequest, name: string): number {
  let n = 0;
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    if (req.rawHeaders[i]!.length === name.length && req.rawHeaders[i]!.toLowerCase() === name) n++;
  }
  return n;
}

function conditionFields(req: WebRequest): ConditionFields {
  const h = req.headers;
  // RFC 9110 sections 13.1.3 and 13.1.4: a date that is given more than once is ignored.
  const date = (name: 'if-modified-since' | 'if-unmodified-since'): string | undefined =>
    h[name] !== undefined && lines(req, name) > 1 ? undefined : h[name];
  return {
    ifMatch: h['if-match'],
    ifNoneMatch: h['if-none-match'],
    ifModifiedSince: date('if-modified-since'),
    ifUnmodifiedSince: date('if-unmodified-since'),
  };
}

const types = new Map<string, string>();

/** The media type of a file by the extension of its name; text is taken for UTF-8. */
export function contentType(path: string): string {
  const extension = extname(path).toLowerCase();
  let type = types.get(extension);
  if (type === undefined) {
    type = (extension !== '' && mime.contentType(extension)) || 'application/octet-stream';
    // Extensions come from names of files that exist, but bound it all the same.
    if (types.size < 1024) types.set(extension, type);
  }
  return type;
}
