// `command` in scripts: harmless stand-ins for what scripts do to the host, never a shell.
// Called by run.ts; calls linux.ts for sysctls and the stack's settings and routes.

import type { Settings } from '../../stack/settings.ts';
import { known, type Profile, SYSCTLS } from './linux.ts';
import type { World } from './world.ts';

/** What commands act on: the settings so far, and the stack once there is one. */
export interface Surroundings {
  /** What sysctls have asked for, by the stack's names. */
  profile: Profile;
  /** Every sysctl that was set, by Linux's name. */
  readonly sysctls: Map<string, string>;
  world: World | undefined;
  /** MTU that `ip route` has given the way to everybody; 0: the link's. */
  routeMtu: number;
  /** The text of a file named relative to the script, or undefined. */
  readonly read: (path: string) => string | undefined;
  /** Lets time go by (us). */
  readonly sleep: (us: number) => void;
  /** Told of a command that is not run and has no stand-in. */
  readonly warn: (text: string) => void;
}

const MOST_DEPTH = 4;
/** Programs that change nothing a script of ours could see. */
const ACCEPTED: ReadonlySet<string> = new Set(
  `nstat ethtool echo true : set modprobe iptables ip6tables nft sync mkdir rm cat grep test [ ulimit export
   ss netstat killall kill wait exit setcap bash sh python python3 perl awk sed ifconfig cd pwd`.split(/\s+/),
);

/** Runs the commands of one pair of backticks: several lines, or with ; or && between them. */
export function runCommand(around: Surroundings, text: string, depth = 0): void {
  const lines = text
    .replace(/\\\n/g, ' ')
    .split(/\n|;|&&|\|\|/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
  for (const line of lines) runLine(around, line, depth);
}

function runLine(around: Surroundings, line: string, depth: number): void {
  const written = /^echo\s+(.*?)\s*>\s*\/proc\/sys\/(\S+)$/.exec(line);
  if (written !== null) {
    setSysctl(around, written[2]!.replace(/\//g, '.'), written[1]!.replace(/["']/g, ''));
    return;
  }
  const words = split(arithmetic(line));
  while (words[0] === 'sudo' || words[0] === 'exec' || /^\w+=/.test(words[0] ?? '')) words.shift();
  const name = words[0] ?? '';
  const base = name.replace(/^.*\//, '');
  if (base === 'sleep' || base === 'usleep') {
    around.sleep(Math.min(86_400e6, Number.parseFloat(words[1] ?? '0') * (base === 'sleep' ? 1e6 : 1) || 0));
  } else if (base === 'sysctl') sysctl(around, words.slice(1));
  else if (base === 'ip') ip(around, words.slice(1));
  else if (base === 'tc') {
    // The queueing discipline that paces.
    if (words.includes('qdisc') && words.includes('fq')) change(around, { tcpPacing: true });
  } else if (/^\.{0,2}\/|\.sh$|\.py$/.test(name) || name === 'source' || name === '.') {
    // A script beside this one: of it what we would do as well, and nothing else.
    const path = name === 'source' || name === '.' ? (words[1] ?? '') : name;
    const inner = depth < MOST_DEPTH && path.endsWith('.sh') ? around.read(path) : undefined;
    if (inner !== undefined) runCommand(around, inner.replace(/^#.*$/gm, ''), depth + 1);
  } else if (depth === 0 && !ACCEPTED.has(base)) {
    around.warn(`\`${line}\` has no stand-in and is not run`);
  }
}

/** `sysctl -q name=value`, `sysctl -w name="a b c"`. */
function sysctl(around: Surroundings, words: readonly string[]): void {
  for (const word of words) {
    const at = word.indexOf('=');
    if (word.startsWith('-') || at < 1) continue;
    setSysctl(around, word.slice(0, at).replace(/\//g, '.'), word.slice(at + 1).trim());
  }
}

function setSysctl(around: Surroundings, name: string, value: string): void {
  around.sysctls.set(name, value);
  const settings = Object.hasOwn(SYSCTLS, name) ? SYSCTLS[name]!(value.split(/\s+/)) : undefined;
  if (settings !== undefined) change(around, settings);
}

/** For the stack that is to be made, or for the one that is there. */
function change(around: Surroundings, wanted: Profile): void {
  around.profile = { ...around.profile, ...wanted };
  if (around.world === undefined) return;
  const { settings } = around.world.stack.core;
  Object.assign(settings, known(wanted, settings satisfies Settings));
}

/** `ip route change … mtu N`, `ip tcp_metrics flush`; the rest has no effect here. */
function ip(around: Surroundings, words: readonly string[]): void {
  const rest = words.filter((word) => !/^-/.test(word));
  if (rest[0] !== 'route') return;
  const value = (key: string): number => {
    const at = rest.indexOf(key);
    const next = rest[at + 1] === 'lock' ? rest[at + 2] : rest[at + 1];
    return at < 0 ? 0 : Number(next);
  };
  const mtu = value('mtu');
  if (mtu > 0) {
    around.routeMtu = mtu;
    around.world?.changeRoute(mtu);
  }
  const initcwnd = value('initcwnd');
  if (initcwnd > 0) change(around, { tcpInitialWindow: initcwnd });
  const rtoMin = /rto_min (?:lock )?(\d+)(ms|s|us)?/.exec(rest.join(' '));
  if (rtoMin !== null) {
    const unit = rtoMin[2] === 'us' ? 1 : rtoMin[2] === 's' ? 1e6 : 1000;
    change(around, { tcpRtoMin: Number(rtoMin[1]) * unit });
  }
}

/** `$((15*1024*1024))`: numbers and + - * / only. */
function arithmetic(line: string): string {
  return line.replace(/\$\(\(([\d\s+*/()-]+)\)\)/g, (whole, expression: string) => {
    const value = sum(expression.replace(/\s+/g, ''));
    return value === undefined ? whole : String(value);
  });
}

/** A chain of products and sums without brackets; undefined for anything else. */
function sum(text: string): number | undefined {
  const inner = /\(([^()]*)\)/.exec(text);
  if (inner !== null) {
    const value = sum(inner[1]!);
    return value === undefined ? undefined : sum(text.replace(inner[0], String(value)));
  }
  if (!/^-?\d+(?:[-+*/]\d+)*$/.test(text)) return undefined;
  let total = 0;
  for (const [, sign, product] of text.matchAll(/([-+]?)(\d+(?:[*/]\d+)*)/g)) {
    let value = 1;
    for (const [, operator, digits] of product!.matchAll(/([*/]?)(\d+)/g)) {
      value = operator === '/' ? Math.trunc(value / Number(digits)) : value * Number(digits);
    }
    total += sign === '-' ? -value : value;
  }
  return total;
}

/** Words of a line, quotes taken off. */
function split(line: string): string[] {
  const words: string[] = [];
  for (const [whole] of line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    if (/^[12]?>/.test(whole)) break;
    words.push(whole.replace(/["']/g, ''));
  }
  return words;
}
