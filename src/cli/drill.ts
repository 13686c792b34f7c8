// `ring3 drill`: runs scripts in packetdrill's notation against the stack, in virtual time, and says which do not come true.
// Called by program.ts; calls sim/drill and node:fs.

import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DEFAULTS, setOption } from '../sim/drill/config.ts';
import { type DrillResult, drill, type Seen } from '../sim/drill/drill.ts';
import {
  LINKTYPE_RAW,
  PCAPNG_INBOUND,
  PCAPNG_OUTBOUND,
  pcapngInterface,
  pcapngPacketRoom,
  pcapngSection,
  putPcapngPacket,
} from '../wire/pcapng.ts';
import { EXIT_FAILURE, failure, meaning, usage } from './errors.ts';

/** Options of the command. */
export interface DrillCliOptions {
  readonly define?: readonly string[];
  readonly strict?: boolean;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly pcap?: string;
  /** packetdrill's own options, by name. */
  readonly script?: readonly (readonly [string, string])[];
}

/** Where lines go: standard output, and standard error. */
export interface DrillOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const STANDARD: DrillOutput = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

/** Runs the command: 0 if every script came true, 1 if not. */
export function drillFiles(paths: readonly string[], options: DrillCliOptions, to: DrillOutput = STANDARD): number {
  for (const [name, value] of options.script ?? []) {
    const wrong = setOption({ ...DEFAULTS }, name, value);
    if (wrong !== undefined) throw usage(wrong);
  }
  const files = paths.flatMap(scripts);
  if (files.length === 0) throw usage('there is no script (*.pkt) in what was given');
  const defines = new Map((options.define ?? []).map(readDefine));
  const started = performance.now();
  let failed = 0;
  for (const file of files) {
    const result = runFile(file, files.length > 1, defines, options, to);
    if (!result.passed) {
      failed++;
      to.out(`${result.text}\n`);
    } else if (options.verbose && !options.quiet) to.out(`${file}: passed\n`);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (!options.quiet) to.out(`${files.length - failed} passed, ${failed} failed (${seconds} s)\n`);
  return failed === 0 ? 0 : EXIT_FAILURE;
}

function runFile(
  file: string,
  several: boolean,
  defines: ReadonlyMap<string, string>,
  options: DrillCliOptions,
  to: DrillOutput,
): DrillResult {
  const folder = dirname(file);
  const capture = options.pcap === undefined ? undefined : openCapture(options.pcap, file, several);
  try {
    return drill(file, readScript(file), {
      options: options.script ?? [],
      defines,
      strict: options.strict ?? false,
      onPacket: (seen) => capture?.write(seen),
      log: options.verbose ? (line) => to.out(`${line}\n`) : () => {},
      warn: (line) => to.err(`${line}\n`),
      print: (text) => to.out(`${text}\n`),
      read: (path) => readBeside(folder, path),
    });
  } finally {
    capture?.close();
  }
}

/** The scripts that a path names: itself, or of a folder every *.pkt below it. */
function scripts(path: string): string[] {
  let folder: boolean;
  try {
    folder = statSync(path).isDirectory();
  } catch (error) {
    throw failure(`${path}: ${meaning(error)}`);
  }
  if (!folder) return [path];
  return readdirSync(path, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const inner = join(path, entry.name);
      if (entry.isDirectory()) return scripts(inner);
      return entry.name.endsWith('.pkt') ? [inner] : [];
    });
}

/** No script has more, bytes: what does is something else. */
const LARGEST = 4_000_000;

function readScript(file: string): string {
  let why: string | undefined;
  try {
    why = unfit(file);
    if (why === undefined) return readFileSync(file, 'utf8');
  } catch (error) {
    throw failure(`${file}: ${meaning(error)}`);
  }
  throw failure(`${file}: ${why}`);
}

/** Why `file` can be no script, or undefined: a pipe would be waited for, a device read without end. */
function unfit(file: string): string | undefined {
  const stat = statSync(file);
  if (!stat.isFile()) return 'it is no ordinary file';
  return stat.size > LARGEST ? `it is larger than a script can be (${LARGEST / 1e6} MB)` : undefined;
}

/** A helper that a script calls, such as ./defaults.sh: relative to the script's folder or to ours. */
function readBeside(folder: string, path: string): string | undefined {
  for (const place of [resolve(folder, path), resolve(path)]) {
    try {
      if (unfit(place) === undefined) return readFileSync(place, 'utf8');
    } catch {
      // Not there: the next place.
    }
  }
  return undefined;
}

function readDefine(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, '1'] : [text.slice(0, at), text.slice(at + 1)];
}

/** A pcapng file of one script: the name given, or in a folder of that name one for each. */
function openCapture(path: string, script: string, several: boolean): { write(seen: Seen): void; close(): void } {
  let fd: number;
  try {
    const name = `${script
      .replace(/^[./\\]+/, '')
      .replace(/[/\\]/g, '_')
      .replace(/\.pkt$/, '')}.pcapng`;
    const folder = several || isFolder(path);
    if (folder) mkdirSync(path, { recursive: true });
    fd = openSync(folder ? join(path, name) : path, 'w');
  } catch (error) {
    throw failure(`the capture cannot be written to ${path}: ${meaning(error)}`);
  }
  writeSync(fd, pcapngSection('ring3 drill'));
  writeSync(fd, pcapngInterface(LINKTYPE_RAW, 0, basename(script)));
  return {
    write({ at, inbound, bytes }) {
      const out = new Uint8Array(pcapngPacketRoom(bytes.length, ''));
      const seconds = Math.floor(at / 1e6);
      const nanoseconds = Math.floor((at - seconds * 1e6) * 1000);
      const way = inbound ? PCAPNG_INBOUND : PCAPNG_OUTBOUND;
      const n = bytes.length;
      writeSync(fd, out.subarray(0, putPcapngPacket(out, 0, 0, seconds, nanoseconds, bytes, 0, n, n, way, '')));
    },
    close: () => closeSync(fd),
  };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
