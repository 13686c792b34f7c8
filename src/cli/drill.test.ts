// Tests of `ring3 drill` as a command: files and folders, options, what it prints, exit codes, captures.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DrillCliOptions, drillFiles } from './drill.ts';
import { run } from './program.ts';

const GOOD = '0 < S 5:5(0) win 1000\n+0 > R. 0:0(0) ack 6\n';
const BAD = '0 < S 5:5(0) win 1000\n+0 > R. 0:0(0) ack 7\n';

function folder(t: TestContext, files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'drill-'));
  t.after(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

/** The command in this process: as run() of program.ts has it, with its output kept. */
async function ring3(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  const err = (piece: string): void => void (text.stderr += piece);
  const out = (piece: string): void => void (text.stdout += piece);
  const never = () => Promise.reject(new Error('another command'));
  const commands = {
    serve: never,
    ping: never,
    fetch: never,
    drill: async (files: readonly string[], options: DrillCliOptions) => drillFiles(files, options, { out, err }),
  };
  return { code: await run(args, commands, err), ...text };
}

test('a folder: every script below it, what fails, one summary line, exit code 1', async (t) => {
  const path = folder(t, { 'a.pkt': GOOD, 'deep/b.pkt': BAD, 'deep/notes.txt': 'no script' });
  const result = await ring3('drill', path);
  assert.equal(result.code, 1);
  assert.equal(result.stderr, '');
  assert.match(result.stdout, /deep\/b\.pkt:2: the packet is another one: ack: expected 7, actual 6\n/);
  assert.match(result.stdout, /\n1 passed, 1 failed \([\d.]+ s\)\n$/);
});

test('a script that comes true: exit code 0; -v shows the events, -q nothing', async (t) => {
  const path = join(folder(t, { 'a.pkt': GOOD }), 'a.pkt');
  const [plain, verbose, quiet] = await Promise.all([
    ring3('drill', path),
    ring3('drill', '-v', path),
    ring3('drill', '-q', path),
  ]);
  assert.deepEqual([plain.code, verbose.code, quiet.code], [0, 0, 0]);
  assert.match(plain.stdout, /^1 passed, 0 failed/);
  assert.match(verbose.stdout, /0\.000000 > R\. 0:0\(0\) ack 6 {3}\(sent at 0\.000000\)/);
  assert.equal(quiet.stdout, '');
});

test('a script that cannot be read tells line and column', async (t) => {
  const result = await ring3('drill', folder(t, { 'a.pkt': '0 < S 5:5(0)\n+0 >> R' }));
  assert.equal(result.code, 1);
  assert.match(result.stdout, /a\.pkt:2:4: expected a packet/);
});

test('what is no script is told, not read: a device, something huge; numbers that do not fit their field', async (t) => {
  const path = folder(t, { 'wide.pkt': '0 < S 0:0(0) win 70000 <mss 70000>\n', 'huge.pkt': '#'.repeat(4_000_001) });
  const device = await ring3('drill', '/dev/zero');
  assert.deepEqual([device.code, device.stderr], [1, 'ring3 drill: /dev/zero: it is no ordinary file\n']);
  const huge = await ring3('drill', join(path, 'huge.pkt'));
  assert.match(huge.stderr, /huge\.pkt: it is larger than a script can be \(4 MB\)/);
  const wide = await ring3('drill', join(path, 'wide.pkt'));
  assert.match(wide.stdout + wide.stderr, /wide\.pkt:1:18: 70000 does not fit: at most 65535/);
});

test("packetdrill's options are taken from the command line, and -D", async (t) => {
  const path = folder(t, {
    'a.pkt': '#ifdef ACK\n0 < S 5:5(0) win 1000\n+.01 > R. 0:0(0) ack ACK\n#else\n0 nonsense\n#endif\n',
  });
  const args = [
    '--tolerance_usecs=20000',
    '--ip_version=ipv6',
    '--mtu=1400',
    '--gateway_ip=10.0.0.1',
    '--dry_run',
    '--non_fatal=x',
    '-D',
    'ACK=6',
  ];
  const result = await ring3('drill', ...args, path);
  assert.equal(result.stdout.replace(/ \(.*\n/, ''), '1 passed, 0 failed');
  const bad = await ring3('drill', '--mtu=3', path);
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /^ring3 drill: --mtu: a value that cannot be used: "3"/);
});

test('wrong use is one line on stderr', async (t) => {
  const nothing = await ring3('drill', folder(t, { 'a.txt': '' }));
  assert.deepEqual([nothing.code, nothing.stdout], [2, '']);
  assert.match(nothing.stderr, /^ring3 drill: there is no script \(\*\.pkt\) in what was given\n$/);
  const missing = await ring3('drill', '/nonexistent.pkt');
  assert.deepEqual([missing.code, missing.stdout], [1, '']);
  assert.match(missing.stderr, /^ring3 drill: \/nonexistent\.pkt: there is no such file or folder\n$/);
});

test('--pcap: a file for one script, a folder for several', (t) => {
  const path = folder(t, { 'a.pkt': GOOD, 'b.pkt': GOOD });
  drillFiles([join(path, 'a.pkt')], { quiet: true, pcap: join(path, 'one.pcapng') });
  assert.equal(packets(readFileSync(join(path, 'one.pcapng'))), 2);
  drillFiles([path], { quiet: true, pcap: join(path, 'all') });
  const files = readdirSync(join(path, 'all'));
  assert.equal(files.length, 2);
  for (const name of files) assert.equal(packets(readFileSync(join(path, 'all', name))), 2);
});

/** Enhanced packet blocks of a pcapng file. */
function packets(file: Buffer): number {
  let count = 0;
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) if (file.readUInt32LE(at) === 6) count++;
  return count;
}
