// `ring3 serve`: the web server on a stack, from the options to the end of the last connection.
// Called by program.ts; calls assemble.ts, ring3/web, status.ts and metrics.ts.

import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { isIPv6 } from 'node:net';
import { createWeb, type LogFormat, type NetModule, type Web, type WebOptions } from '../servers/web/index.ts';
import { type Assembled, assemble } from './assemble.ts';
import { addressesChecked } from './device.ts';
import { CliError, failure, meaning, portError, usage } from './errors.ts';
import { makeRegistry, serveMetrics } from './metrics.ts';
import type { LinkOptions } from './options.ts';
import { onSignal } from './signals.ts';
import { StatusLine } from './status.ts';
import { VERSION } from './version.ts';

/** Options of the command. */
export interface ServeOptions extends LinkOptions {
  readonly port?: readonly number[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly log?: LogFormat;
  readonly metrics?: number;
  /** How long running answers may take after the first signal, microseconds. */
  readonly drain: number;
}

/** Time kept from the drain for the last bytes to reach their clients, ms. */
const LAST_BYTES = 5_000;

/** Runs the command until a signal; resolves to its exit code. */
export async function serve(dir: string, options: ServeOptions): Promise<number> {
  const secure = readCertificate(options);
  const ports = options.port ?? defaultPorts(options, secure !== undefined);
  const status: { line?: StatusLine } = {};
  // Whatever is said in between makes way for the status line, which may share the terminal.
  const say = (out: NodeJS.WriteStream, text: string): boolean => {
    let room = true;
    const print = (): void => {
      room = out.write(text);
    };
    if (status.line === undefined) print();
    else status.line.around(print);
    return room;
  };
  const warn = (text: string): void => {
    say(process.stderr, `ring3 serve: ${text}\n`);
  };
  const web = makeWeb(dir, options, secure, {
    write: (text) => say(process.stdout, text),
    once: (event, listener) => process.stdout.once(event, listener),
  });
  // A reader of our output that has gone is not a reason to stop serving.
  for (const out of [process.stdout, process.stderr]) out.on('error', () => {});

  let gone = (_message: string): void => {};
  const lost = new Promise<string>((resolve) => {
    gone = resolve;
  });
  const assembled = await assemble({ ...options, ports, warn, gone });
  let metrics: Server | undefined;
  try {
    await listen(web, assembled);
    if (options.metrics !== undefined) {
      const registry = makeRegistry({ link: options.link, inside: assembled.inside, web });
      metrics = await serveMetrics(registry, options.metrics);
    }
  } catch (error) {
    web.close();
    await assembled.close(0);
    throw error;
  }
  // With a log, standard output is the log's alone.
  say(options.log === undefined ? process.stdout : process.stderr, banner(dir, options, assembled, secure, metrics));
  status.line = new StatusLine(process.stderr, () => sample(web, assembled));
  status.line.start();

  const stop = new AbortController();
  const asked = new Promise<null>((resolve) => {
    onSignal(() => {
      stop.abort();
      resolve(null);
    });
  });
  addressesChecked(assembled, stop.signal).catch((error: Error) => warn(error.message));
  const reason = await Promise.race([asked, lost]);
  if (reason !== null) warn(reason);
  await shutDown(web, assembled, options.drain / 1000, warn);
  metrics?.close();
  metrics?.closeAllConnections();
  status.line.stop();
  return reason === null ? 0 : 1;
}

function defaultPorts(options: ServeOptions, secure: boolean): number[] {
  if (options.link === 'host' || options.link === 'kernel') return [8080];
  return secure ? [80, 443] : [80];
}

function readCertificate(options: ServeOptions): WebOptions['tls'] {
  const { tlsCert, tlsKey } = options;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined) throw usage('--tls-key needs --tls-cert as well');
  if (tlsKey === undefined) throw usage('--tls-cert needs --tls-key as well');
  const read = (what: string, path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw failure(`cannot read the ${what} ${path}: ${meaning(error)}`);
    }
  };
  return { cert: read('certificate', tlsCert), key: read('key', tlsKey) };
}

function makeWeb(
  dir: string,
  options: ServeOptions,
  secure: WebOptions['tls'],
  stream: NonNullable<WebOptions['log']>['stream'],
): Web {
  try {
    return createWeb({
      root: dir,
      ...(secure === undefined ? {} : { tls: secure }),
      ...(options.log === undefined ? {} : { log: { format: options.log, stream } }),
      onError: (error) => process.stderr.write(`ring3 serve: ${meaning(error)}\n`),
    });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (/^(ERR_OSSL|ERR_SSL|ERR_CRYPTO)/.test(code)) {
      throw failure(`the certificate ${options.tlsCert} and key ${options.tlsKey} cannot be used: ${meaning(error)}`);
    }
    throw failure(`cannot serve ${dir}: ${meaning(error)}`);
  }
}

async function listen(web: Web, assembled: Assembled): Promise<void> {
  const net = assembled.net as unknown as NetModule;
  for (const host of assembled.listenAt) {
    for (const port of assembled.ports) {
      try {
        await web.listen({ net, port, ...(host === undefined ? {} : { host }) });
      } catch (error) {
        if (error instanceof CliError) throw error;
        throw portError(error, `${host ?? 'the stack'} port ${port}`);
      }
    }
  }
}

/** Lets running answers finish, then sees that their last bytes arrive, then lets go. */
async function shutDown(web: Web, assembled: Assembled, drain: number, warn: (text: string) => void): Promise<void> {
  const deadline = performance.now() + drain;
  assembled.stop();
  const waiting = web.stats.active;
  if (waiting > 0) warn(`${waiting} answer${waiting === 1 ? ' is' : 's are'} still running; another signal ends at once`);
  const cut = await web.drain(drain);
  if (cut > 0) warn(`${cut} connection${cut === 1 ? '' : 's'} had to be cut`);
  await assembled.close(Math.max(LAST_BYTES, deadline - performance.now()));
}

function banner(
  dir: string,
  options: ServeOptions,
  assembled: Assembled,
  secure: WebOptions['tls'],
  metrics: Server | undefined,
): string {
  const urls = assembled.addresses.flatMap((address) =>
    assembled.ports.flatMap((port) => urlsOf(address, port, secure !== undefined)),
  );
  const device = assembled.inside?.linkName;
  const link: Record<string, string> = {
    host: "host: ports of this machine's kernel lead into ring3's own stack",
    kernel: "none: this is the kernel's own stack, for comparison",
    tun: `tun, device ${device}`,
    tap: `tap, device ${device}`,
  };
  const lines = [`ring3 ${VERSION} serves ${dir} at`, ...urls.map((url) => `  ${url}`), `link ${link[options.link]}`];
  if (metrics !== undefined) {
    lines.push(`metrics at http://127.0.0.1:${(metrics.address() as { port: number }).port}/metrics`);
  }
  if (assembled.ipLines.length > 0) {
    lines.push('', "Give the kernel its end of the device, as root:", '', ...assembled.ipLines.map((line) => `  ${line}`));
    lines.push('', 'and try', '', `  curl ${secure === undefined ? '' : '-k '}${urls[0]}`, '');
  }
  lines.push('Stop with Ctrl-C.');
  return lines.join('\n') + '\n';
}

/** A port speaks both where there is a certificate; shown is what is usual for it. */
function urlsOf(address: string, port: number, secure: boolean): string[] {
  const host = isIPv6(address) ? `[${address}]` : address;
  const schemes = !secure || port === 80 ? ['http'] : port === 443 ? ['https'] : ['https', 'http'];
  return schemes.map((scheme) => {
    const usual = port === (scheme === 'https' ? 443 : 80);
    return `${scheme}://${host}${usual ? '' : `:${port}`}/`;
  });
}

function sample(web: Web, assembled: Assembled): ReturnType<ConstructorParameters<typeof StatusLine>[1]> {
  const link = assembled.inside?.link.counters;
  let drops: number | undefined;
  if (assembled.inside !== undefined && link !== undefined) {
    drops = 0;
    for (const count of Object.values(assembled.inside.stack.core.counters.snapshot().drops)) drops += count;
    for (const count of Object.values(link.drops)) drops += count;
  }
  return {
    connections: web.connections.open,
    requests: web.stats.requests,
    received: link?.rxBytes,
    sent: link?.txBytes ?? web.stats.bytes,
    drops,
  };
}
