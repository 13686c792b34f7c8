// A download of one large file by curl: from `ring3 serve` over tap beside nginx over veth, alternating in one run, with the CPU time of both ends.
// Run by `npm run bench -- download`; calls the built command, nginx, curl and ip. Needs root. `--set mb=N`, `--set pairs=N`.

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Namespace, namespace, type Scope, veth } from '../test/support/netns.ts';
import { built } from '../test/support/paths.ts';
import { needs } from '../test/support/privileges.ts';
import type { BenchOptions, BenchResult } from './types.ts';

export const name = 'download';

const SERVER_CORE = '0';
const CLIENT_CORE = '1';
const FILE = 'file.bin';
const TICKS_PER_SECOND = 100;

interface Contender {
  readonly label: string;
  readonly client: Namespace;
  readonly url: string;
  /** Processes whose CPU time is the server's. */
  readonly pids: () => number[];
}

interface Sample {
  readonly bytesPerSecond: number;
  readonly serverSeconds: number;
  /** Busy time of all cores, softirqs included: where a packet's receive work is billed differs between tap and veth. */
  readonly machineSeconds: number;
}

function makeFile(folder: string, mb: number): void {
  const block = Buffer.alloc(1 << 20);
  for (let i = 0; i < block.length; i += 4) block.writeUInt32LE(Math.imul(i + 1, 2654435761) >>> 0, i);
  const fd = openSync(join(folder, FILE), 'w');
  for (let i = 0; i < mb; i++) writeSync(fd, block);
  closeSync(fd);
}

/** User and system time of a process in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function machineBusySeconds(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.split(/\s+/);
  return [user, nice, system, irq, softirq].reduce((sum, n) => sum + Number(n), 0) / TICKS_PER_SECOND;
}

async function startRing3(scope: Scope, folder: string): Promise<Contender> {
  const space = await namespace(scope);
  const command = [
    process.execPath,
    built('src/cli/main.js'),
    'serve',
    folder,
    '--link',
    'tap',
    '--dev',
    'r3',
    '--address',
    '10.77.0.2/24',
  ];
  const server = space.start('taskset', ['-c', SERVER_CORE, ...command], { timeout: 3_600_000 });
  scope.after(async () => void (await server.stop()));
  await server.output(/ip link set/, 20_000).catch(() => {});
  for (let i = 0; ; i++) {
    const up = await space.run('ip', ['link', 'set', 'r3', 'up']);
    if (up.code === 0) break;
    if (i === 100) throw new Error(`ring3 serve did not come up: ${server.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await space.ip('addr add 10.77.0.1/24 dev r3');
  return { label: 'ring3 serve, tap', client: space, url: `http://10.77.0.2/${FILE}`, pids: () => [server.child.pid!] };
}

async function startNginx(scope: Scope, folder: string): Promise<Contender> {
  const serverSpace = await namespace(scope);
  const client = await namespace(scope);
  await veth(serverSpace, 'eth0', client, 'eth0');
  await serverSpace.ip('addr add 10.78.0.2/24 dev eth0');
  await client.ip('addr add 10.78.0.1/24 dev eth0');
  const run = mkdtempSync(join(tmpdir(), 'ring3-nginx-'));
  writeFileSync(
    join(run, 'nginx.conf'),
    `user root; worker_processes 1; daemon off; pid ${run}/pid; error_log ${run}/error.log;
     events { worker_connections 1024; }
     http { access_log off; sendfile on; tcp_nopush on; open_file_cache max=100;
       client_body_temp_path ${run}; proxy_temp_path ${run}; fastcgi_temp_path ${run}; uwsgi_temp_path ${run}; scgi_temp_path ${run};
       server { listen 80; root ${folder}; } }`,
  );
  const server = serverSpace.start('taskset', ['-c', SERVER_CORE, 'nginx', '-c', join(run, 'nginx.conf')], {
    timeout: 3_600_000,
  });
  scope.after(async () => {
    await server.stop();
    rmSync(run, { recursive: true, force: true });
  });
  const pids = () => {
    const master = Number(readFileSync(join(run, 'pid'), 'utf8'));
    const children = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ');
    return [master, ...children.map(Number)];
  };
  return { label: 'nginx, veth', client, url: `http://10.78.0.2/${FILE}`, pids };
}

async function download(c: Contender): Promise<Sample> {
  const pids = c.pids();
  const server = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const before = server();
  const machine = machineBusySeconds();
  const format = '%{http_code} %{size_download} %{time_total}';
  const out = await c.client.runOk(
    'taskset',
    ['-c', CLIENT_CORE, 'curl', '-sS', '-o', '/dev/null', '-w', format, c.url],
    {
      timeout: 120_000,
    },
  );
  const [code, size, seconds] = out.trim().split(' ').map(Number) as [number, number, number];
  if (code !== 200) throw new Error(`${c.label} answered ${code}`);
  return {
    bytesPerSecond: size / seconds,
    serverSeconds: server() - before,
    machineSeconds: machineBusySeconds() - machine,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[sorted.length >> 1]!;
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { skip } = needs({
    root: true,
    programs: ['ip', 'curl', 'nginx', 'taskset'],
    device: '/dev/net/tun',
    koffi: true,
  });
  if (skip) return { table: [], notes: [`not run: ${skip}`] };
  const mb = Number(options.set['mb'] ?? (options.quick ? 100 : 1000));
  const pairs = Number(options.set['pairs'] ?? (options.quick ? 2 : 7));
  const cleanups: (() => Promise<void>)[] = [];
  const scope: Scope = { after: (fn) => void cleanups.push(fn) };
  const folder = mkdtempSync(join(tmpdir(), 'ring3-bench-'));
  try {
    makeFile(folder, mb);
    const contenders = [await startRing3(scope, folder), await startNginx(scope, folder)];
    const samples: Sample[][] = [[], []];
    for (const c of contenders) await download(c);
    for (let i = 0; i < pairs; i++) for (const [at, c] of contenders.entries()) samples[at]!.push(await download(c));
    const gigabytes = (mb * 1048576) / 1e9;
    const rate = (s: readonly Sample[]) => s.map((x) => x.bytesPerSecond / 1e9);
    const table = contenders.map((c, at) => ({
      server: c.label,
      'GB/s median': round(median(rate(samples[at]!))),
      min: round(Math.min(...rate(samples[at]!))),
      max: round(Math.max(...rate(samples[at]!))),
      'server CPU s/GB': round(median(samples[at]!.map((s) => s.serverSeconds / gigabytes))),
      'machine CPU s/GB': round(median(samples[at]!.map((s) => s.machineSeconds / gigabytes))),
    }));
    const ratio = median(samples[0]!.map((s, i) => s.bytesPerSecond / samples[1]![i]!.bytesPerSecond));
    return {
      table,
      notes: [
        `ring3 / nginx, median of ${pairs} alternating pairs: ${round(ratio)}`,
        `One curl a download of ${mb} MiB from the page cache to /dev/null; server on core ${SERVER_CORE}, client on core ${CLIENT_CORE} of ${cpus().length}.`,
        'Server CPU is that of its processes; machine CPU is both cores with softirqs, whoever else runs included.',
      ],
    };
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
    rmSync(folder, { recursive: true, force: true });
  }
}

function round(n: number): number {
  return Math.round(n * 1000) / 1000;
}
