// Starts programs for tests: with a time limit, their output collected, and an end even when the test fails.
// Called by tests and by netns.ts; calls node:child_process.

import { type ChildProcess, spawn } from 'node:child_process';
import { findProgram } from './privileges.ts';

/** How a program ended, and all it wrote. `code` is null when a signal ended it. */
export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Options of run() and start(). */
export interface RunOptions {
  /** Milliseconds until the program is killed and the promise rejects. Default 30,000. */
  readonly timeout?: number;
  /** Written to its standard input, which is then closed. Default: closed at once. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that runs beside the test. */
export interface Running {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when stdout or stderr matches; rejects when the program ends first, or after `timeout` ms (default 10,000). */
  readonly output: (pattern: RegExp, timeout?: number) => Promise<RegExpExecArray>;
  /** Resolves when it has ended, however; rejects only if it could not be started or its time ran out. */
  readonly done: Promise<RunResult>;
  /** Sends a signal (default SIGTERM), SIGKILL 5 s later, and waits for the end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<RunResult>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Runs a program to its end. Any exit code is a result; only a failure to start and the time limit reject. */
export function run(program: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
  return start(program, args, { timeout: 30_000, ...options }).done;
}

/** As run(), but rejects, with what it wrote, unless the exit code is 0. Returns its standard output. */
export async function runOk(program: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
  const result = await run(program, args, options);
  if (result.code !== 0)
    throw new Error(`${line(program, args)} ended with ${result.code ?? result.signal}\n${result.stderr}`);
  return result.stdout;
}

/** Starts a program beside the test; without `timeout` it runs until stop(), or until the test process ends. */
export function start(program: string, args: readonly string[] = [], options: RunOptions = {}): Running {
  const child = spawn(program.includes('/') ? program : (findProgram(program) ?? program), args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
  });
  running.add(child);
  const text = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8');
    child[name].on('data', (piece: string) => {
      text[name] += piece;
      for (const look of watchers) look();
    });
  }
  child.stdin.on('error', () => {}); // it may end without reading its input
  child.stdin.end(options.input);

  let ended = false;
  const done = new Promise<RunResult>((resolve, reject) => {
    let late = false;
    const timer =
      options.timeout === undefined ? undefined : setTimeout(() => (late = child.kill('SIGKILL')), options.timeout);
    const end = (): void => {
      ended = true;
      clearTimeout(timer);
      running.delete(child);
      for (const look of watchers) look();
    };
    child.once('error', (error) => {
      end();
      reject(error);
    });
    child.once('close', (code, signal) => {
      end();
      if (late)
        reject(new Error(`${line(program, args)} took more than ${options.timeout} ms\n${text.stdout}${text.stderr}`));
      else resolve({ ...text, code, signal });
    });
  });
  done.catch(() => {}); // who never awaits it must not be punished with an unhandled rejection

  const output = (pattern: RegExp, timeout = 10_000): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        watchers.delete(look);
        settle();
      };
      const fail = (why: string): void =>
        finish(() => reject(new Error(`${line(program, args)} ${why} ${pattern}\n${text.stdout}${text.stderr}`)));
      const look = (): void => {
        const found = pattern.exec(text.stdout) ?? pattern.exec(text.stderr);
        if (found !== null) finish(() => resolve(found));
        else if (ended) fail('ended without writing');
      };
      const timer = setTimeout(() => fail(`did not write in ${timeout} ms`), timeout);
      watchers.add(look);
      look();
    });

  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<RunResult> => {
    if (!ended) child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    try {
      return await done;
    } finally {
      clearTimeout(timer);
    }
  };
  return { child, stdout: () => text.stdout, stderr: () => text.stderr, output, done, stop };
}

function line(program: string, args: readonly string[]): string {
  return [program, ...args].join(' ');
}
