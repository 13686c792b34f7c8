// The counters as OpenMetrics text, and the small server that gives them to Prometheus and to people.
// Called by serve.ts; calls prom-client and node:http on the kernel's 127.0.0.1, so that watching does not disturb what is watched.

import http from 'node:http';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Web } from '../servers/web/index.ts';
import { COUNTER_NAMES } from '../stack/counters.ts';
import type { Inside } from './assemble.ts';
import { portError } from './errors.ts';
import { VERSION } from './version.ts';

type OpenMetrics = typeof Registry.OPENMETRICS_CONTENT_TYPE;

/** What is measured. */
export interface Measured {
  readonly link: string;
  readonly inside: Inside | undefined;
  readonly web: Web;
}

const HOST = '127.0.0.1';

/** Everything that is counted, read anew whenever it is asked for. */
export function makeRegistry(measured: Measured): Registry<OpenMetrics> {
  const registry = new Registry<OpenMetrics>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const add = new Adder(registry as unknown as Registry);
  add.gauge('ring3_build_info', 'What is running; always 1.', ['version', 'link'], (set) =>
    set(1, { version: VERSION, link: measured.link }),
  );
  if (measured.inside !== undefined) addStack(add, measured.inside);
  addWeb(add, measured.web);
  addProcess(add);
  return registry;
}

/** Serves /metrics on a port of the kernel's 127.0.0.1. Rejects with one line if the port cannot be had. */
export function serveMetrics(registry: Registry<OpenMetrics>, port: number): Promise<http.Server> {
  const server = http.createServer((req, res) => {
    req.resume();
    const path = (req.url ?? '').split('?')[0];
    if (path !== '/metrics' && path !== '/') return plain(res, 404);
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD');
      return plain(res, 405);
    }
    registry.metrics().then(
      (text) => {
        res.setHeader('Content-Type', registry.contentType);
        res.end(text);
      },
      () => plain(res, 500),
    );
  });
  server.maxConnections = 16;
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(portError(error, `${HOST} port ${port}, for the metrics,`)));
    server.listen(port, HOST, () => resolve(server));
  });
}

function plain(res: http.ServerResponse, status: number): void {
  res.statusCode = status;
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  res.end(`${status} ${http.STATUS_CODES[status]}\n`);
}

type Labels = Record<string, string>;
type Put = (value: number, labels?: Labels) => void;

/** Adds metrics whose values are read when they are asked for. */
class Adder {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** OpenMetrics appends _total to the name. */
  counter(name: string, help: string, labelNames: string[], read: (put: Put) => void): void {
    const collect = function (this: Counter): void {
      this.reset();
      read((value, labels = {}) => this.inc(labels, value));
    };
    new Counter({ name, help, labelNames, registers: [this.#registry], collect });
  }

  gauge(name: string, help: string, labelNames: string[], read: (put: Put) => void): void {
    const collect = function (this: Gauge): void {
      this.reset();
      read((value, labels = {}) => this.set(labels, value));
    };
    new Gauge({ name, help, labelNames, registers: [this.#registry], collect });
  }
}

function addStack(add: Adder, inside: Inside): void {
  const { stack, link, linkName } = inside;
  const { counters } = stack.core;
  for (const name of COUNTER_NAMES) {
    add.counter(`ring3_${name}`, `${sentence(name)}.`, [], (put) => put(counters.get(name)));
  }
  add.counter('ring3_drops', 'Packets that the stack did not use, by reason.', ['reason'], (put) => {
    for (const [reason, count] of Object.entries(counters.snapshot().drops)) put(count, { reason });
  });
  for (const [key, name, help] of [
    ['rxFrames', 'ring3_link_received_frames', 'Frames received from the link.'],
    ['rxBytes', 'ring3_link_received_bytes', 'Bytes received from the link.'],
    ['txFrames', 'ring3_link_sent_frames', 'Frames given to the link.'],
    ['txBytes', 'ring3_link_sent_bytes', 'Bytes given to the link.'],
  ] as const) {
    add.counter(name, help, ['link'], (put) => put(link.counters[key], { link: linkName }));
  }
  add.counter('ring3_link_drops', 'Frames that the link lost, by reason.', ['link', 'reason'], (put) => {
    for (const [reason, count] of Object.entries(link.counters.drops)) put(count, { link: linkName, reason });
  });
  add.gauge('ring3_tcp_connections', 'TCP connections in any state, and listeners.', [], (put) => put(stack.tcp.used));
  add.gauge('ring3_udp_sockets', 'UDP and ping sockets.', [], (put) => put(stack.udp.used));
  add.gauge('ring3_frames_used', 'Frames in use.', [], (put) => put(stack.memory.frames.used));
  add.gauge('ring3_chunks_used', 'Chunks of payload (4 KiB) in use.', [], (put) => put(stack.core.spans.used));
  add.gauge('ring3_blocks_used', 'Blocks of files (256 KiB) in use.', [], (put) => put(stack.memory.blocks.used));
}

function addWeb(add: Adder, web: Web): void {
  const { stats } = web;
  add.gauge('ring3_web_connections', 'Connections to the web server.', [], (put) => put(web.connections.open));
  add.counter('ring3_web_connections_accepted', 'Connections accepted by the web server.', [], (put) =>
    put(web.connections.accepted),
  );
  add.counter('ring3_web_requests', 'Requests answered, by status.', ['status'], (put) => {
    for (const [status, count] of stats.statuses) put(count, { status: String(status) });
  });
  add.gauge('ring3_web_active_requests', 'Requests being answered.', [], (put) => put(stats.active));
  add.counter('ring3_web_aborted', 'Answers that did not go out whole.', [], (put) => put(stats.aborted));
  add.counter('ring3_web_sent_bytes', 'Bytes of content given to connections.', [], (put) => put(stats.bytes));
  add.counter('ring3_web_log_lines_dropped', 'Lines of the access log that were not written.', [], (put) =>
    put(web.log?.dropped ?? 0),
  );
}

function addProcess(add: Adder): void {
  const start = Date.now() / 1000 - process.uptime();
  add.gauge('process_start_time_seconds', 'When the process was started, since 1970.', [], (put) => put(start));
  add.gauge('process_resident_memory_bytes', 'Memory in use.', [], (put) => put(process.memoryUsage.rss()));
  add.counter('process_cpu_seconds', 'Processor time used, in user and system mode.', [], (put) => {
    const { user, system } = process.cpuUsage();
    put((user + system) / 1e6);
  });
}

/** `tcp_sent_bytes` as "Tcp sent bytes". */
function sentence(name: string): string {
  const text = name.replaceAll('_', ' ');
  return text[0]!.toUpperCase() + text.slice(1);
}
