// `ring3 serve`: the web server on a stack, from the options to the end of the last connection.
// Called by program.ts; calls assemble.ts, ring3/web, status.ts and metrics.ts.

import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { isIPv6 } from 'node:net';
import { type CachedRead, cachedReader } from '../host/cached-read.ts';
import { createWeb, type LogFormat, type NetModule, type Web, type WebOptions } from '../servers/web/index.ts';
import { type Assembled, assemble, type Inside } from './assemble.ts';
import { addressesChecked, routedAddress } from './device.ts';
import { failure, meaning, portError, usage } from './errors.ts';
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

/** How long the last bytes of what was answered may take to reach their clients, ms; the second where time was up already. */
const LAST_BYTES = 5_000;
const LAST_BYTES_AFTER_CUT = 500;

/** Runs the command until a signal; resolves to its exit code. */
export async function serve(dir: string, options: ServeOptions): Promise<number> {
  const secure = readCertificate(options);
  let ports = options.port ?? defaultPorts(options, secure !== undefined);
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
  // Known when the stack is there; nobody asks before.
  let inside: Inside | undefined;
  const web = makeWeb(
    dir,
    options,
    secure,
    storeOf(() => inside),
    {
      write: (text) => say(process.stdout, text),
      once: (event, listener) => process.stdout.once(event, listener),
    },
  );
  let gone = (_message: string): void => {};
  const lost = new Promise<string>((resolve) => {
    gone = resolve;
  });
  // Before there is a device: who sees it may interrupt us at once.
  const stop = new AbortController();
  const asked = new Promise<null>((resolve) => {
    onSignal(() => {
      stop.abort();
      resolve(null);
    });
  });
  const assembled = await assemble({ ...options, ports, warn, gone });
  inside = assembled.inside;
  let metrics: Server | undefined;
  try {
    ports = await listen(web, assembled);
    if (options.metrics !== undefined) {
      const { makeRegistry, serveMetrics } = await import('./metrics.ts');
      const registry = makeRegistry({ link: options.link, inside: assembled.inside, web });
      metrics = await serveMetrics(registry, options.metrics);
    }
  } catch (error) {
    web.close();
    await assembled.close(0);
    throw error;
  }
  // With a log, standard output is the log's alone.
  const told = options.log === undefined ? process.stdout : process.stderr;
  say(told, banner(dir, options, assembled, ports, secure, metrics));
  status.line = new StatusLine(process.stderr, () => sample(web, assembled));
  status.line.start();

  void addressesChecked(assembled, stop.signal).then(({ duplicates, others }) => {
    // Where nothing is left to serve at, the last of these lines is the reason to end.
    const last = others || options.slaac ? undefined : duplicates.pop();
    for (const line of duplicates) warn(line);
    if (last !== undefined) gone(last);
  });
  if (options.slaac) {
    void routedAddress(assembled, stop.signal).then((address) => {
      if (address === undefined) return;
      const urls = ports.flatMap((port) => urlsOf(address, port, secure !== undefined));
      say(told, `The network's router has given an address:\n${urls.map((url) => `  ${url}\n`).join('')}`);
    });
  }
  const reason = await Promise.race([asked, lost]);
  stop.abort();
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
  const [cert, key] = [read('certificate', tlsCert), read('key', tlsKey)];
  if (!/-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/.test(cert)) {
    throw failure(`the certificate ${tlsCert} cannot be used: PEM has a line "-----BEGIN CERTIFICATE-----"`);
  }
  if (/-----BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED/m.test(key)) {
    throw failure(`the key ${tlsKey} cannot be used: it has a password; take that off with "openssl pkey"`);
  }
  if (!/-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(key)) {
    throw failure(`the key ${tlsKey} cannot be used: PEM has a line "-----BEGIN PRIVATE KEY-----"`);
  }
  return { cert, key };
}

/** Files go out from the stack's own memory: read into it, from the kernel's cache at once where they are there. */
function storeOf(inside: () => Inside | undefined): NonNullable<WebOptions['store']> {
  let read: CachedRead | undefined | null = null;
  return {
    takeBlock: () => inside()?.network.takeBlock() ?? null,
    giveBlock: (block) => inside()!.network.giveBlock(block),
    readCached: (fd, block, length, position) => {
      if (read === null) read = cachedReader(inside()!.stack.memory.arena);
      return read?.(fd, block, length, position) ?? -1;
    },
  };
}

function makeWeb(
  dir: string,
  options: ServeOptions,
  secure: WebOptions['tls'],
  store: WebOptions['store'],
  stream: NonNullable<WebOptions['log']>['stream'],
): Web {
  try {
    return createWeb({
      root: dir,
      store,
      ...(secure === undefined ? {} : { tls: secure }),
      ...(options.log === undefined ? {} : { log: { format: options.log, stream } }),
      onError: (error) => process.stderr.write(`ring3 serve: ${meaning(error)}\n`),
    });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (/^(ERR_OSSL|ERR_SSL|ERR_CRYPTO)/.test(code)) {
      const why = /MISMATCH/.test(code)
        ? 'they do not belong together'
        : `one of them is damaged or too weak (${code})`;
      throw failure(`the certificate ${options.tlsCert} and key ${options.tlsKey} cannot be used: ${why}`);
    }
    throw failure(`cannot serve ${dir}: ${meaning(error)}`);
  }
}

/** Listens on every port at every address; returns the ports, those that were left open (0) as they were chosen. */
async function listen(web: Web, assembled: Assembled): Promise<number[]> {
  const net = assembled.net as unknown as NetModule;
  const ports = [...assembled.ports];
  for (const host of assembled.listenAt) {
    for (const [i, port] of ports.entries()) {
      try {
        const listening = await web.listen({ net, port, ...(host === undefined ? {} : { host }) });
        ports[i] = listening.port;
      } catch (error) {
        throw portError(error, `${host ?? 'the stack'} port ${port}`);
      }
    }
  }
  return ports;
}

/** Lets running answers finish, then sees that their last bytes arrive, then lets go. */
async function shutDown(web: Web, assembled: Assembled, drain: number, warn: (text: string) => void): Promise<void> {
  const deadline = performance.now() + drain;
  assembled.stop();
  const waiting = web.stats.active;
  if (waiting > 0)
    warn(`${waiting} answer${waiting === 1 ? ' is' : 's are'} still running; another signal ends at once`);
  const cut = await web.drain(drain);
  if (cut > 0) warn(`${cut} connection${cut === 1 ? '' : 's'} had to be cut`);
  await assembled.close(cut > 0 ? LAST_BYTES_AFTER_CUT : Math.max(LAST_BYTES, deadline - performance.now()));
}

function banner(
  dir: string,
  options: ServeOptions,
  assembled: Assembled,
  ports: readonly number[],
  secure: WebOptions['tls'],
  metrics: Server | undefined,
): string {
  const device = assembled.inside?.linkName;
  const urls = assembled.addresses.flatMap((address) =>
    ports.flatMap((port) =>
      urlsOf(address, port, secure !== undefined, assembled.ipLines.length > 0 ? device : undefined),
    ),
  );
  const at = urls.length > 0 ? 'at' : "at an address that the network's router is to give; it will be shown here";
  const link: Record<string, string> = {
    host: "host: ports of this machine's kernel lead into ring3's own stack",
    kernel: "none: this is the kernel's own stack, for comparison",
    tun: `tun, device ${device}`,
    tap: `tap, device ${device}`,
  };
  const lines = [
    `ring3 ${VERSION} serves ${dir} ${at}`,
    ...urls.map((url) => `  ${url}`),
    `link ${link[options.link]}`,
  ];
  if (metrics !== undefined) {
    lines.push(`metrics at http://127.0.0.1:${(metrics.address() as { port: number }).port}/metrics`);
  }
  if (assembled.ipLines.length > 0) {
    lines.push(
      '',
      'Give the kernel its end of the device, as root:',
      '',
      ...assembled.ipLines.map((line) => `  ${line}`),
    );
    lines.push('');
    const url = urls.find((one) => one.startsWith('https:')) ?? urls[0];
    if (url !== undefined) lines.push('and try', '', `  curl ${url.startsWith('https:') ? '-k ' : ''}${url}`, '');
  }
  lines.push('Stop with Ctrl-C.');
  return lines.join('\n') + '\n';
}

/** A port speaks both where there is a certificate; shown is what is usual for it. `device`: where the kernel has its end. */
function urlsOf(address: string, port: number, secure: boolean, device?: string): string[] {
  // A link-local address means something on its link alone: the zone says which (RFC 6874; curl reads it).
  const zone = /^fe[89ab]/i.test(address) && device !== undefined ? `%25${device}` : '';
  const host = isIPv6(address) ? `[${address}${zone}]` : address;
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
