// What a run is told: by the command line, and by the options at the top of a script.
// Made by index.ts; read by run.ts, world.ts and others; calls errors.ts.

import type { Script } from './ast.ts';
import { ScriptError } from './errors.ts';

/** How scripts are run. Addresses as text; times in microseconds. */
export interface Config {
  ipVersion: 'ipv4' | 'ipv6' | 'ipv4-mapped-ipv6';
  mtu: number;
  localIp: string;
  remoteIp: string;
  bindPort: number;
  connectPort: number;
  toleranceUsecs: number;
  /** Of the time since the event before; the larger of the two tolerances counts. */
  tolerancePercent: number;
  /** How much of outbound TS val is checked: microseconds a tick; 0: not at all. */
  tsTick: number;
  nonFatal: boolean;
}

/** packetdrill's own defaults. */
export const DEFAULTS: Readonly<Config> = {
  ipVersion: 'ipv4',
  mtu: 1500,
  localIp: '',
  remoteIp: '',
  bindPort: 8080,
  connectPort: 8080,
  toleranceUsecs: 4000,
  tolerancePercent: 0,
  tsTick: 0,
  nonFatal: false,
};

/** Addresses where none is given, as packetdrill has them. */
const LOCAL = { 4: '192.168.0.1', 6: 'fd3d:a0b:17d6::1' } as const;
const REMOTE = { 4: '192.0.2.1', 6: 'fd3d:fa7b:d17d::1' } as const;

/** Whether packets are IPv4 or IPv6. */
export function wireVersion(config: Config): 4 | 6 {
  return config.ipVersion === 'ipv6' ? 6 : 4;
}

export function localAddress(config: Config): string {
  return (config.localIp || LOCAL[wireVersion(config)]).replace(/\/\d+$/, '');
}

export function remoteAddress(config: Config): string {
  return (config.remoteIp || REMOTE[wireVersion(config)]).replace(/\/\d+$/, '');
}

type Setter = (config: Config, value: string) => boolean;

const integer = (set: (config: Config, n: number) => void, least = 0, most = Number.MAX_SAFE_INTEGER): Setter => {
  return (config, value) => {
    const n = Number(value);
    if (value === '' || !Number.isFinite(n) || n < least || n > most) return false;
    set(config, n);
    return true;
  };
};

const SETTERS: Readonly<Record<string, Setter>> = {
  ip_version(config, value) {
    if (value !== 'ipv4' && value !== 'ipv6' && value !== 'ipv4-mapped-ipv6') return false;
    config.ipVersion = value;
    return true;
  },
  mtu: integer((c, n) => (c.mtu = n), 68, 65_535),
  local_ip(config, value) {
    config.localIp = value;
    return value !== '';
  },
  remote_ip(config, value) {
    config.remoteIp = value;
    return value !== '';
  },
  bind_port: integer((c, n) => (c.bindPort = n), 1, 65_535),
  connect_port: integer((c, n) => (c.connectPort = n), 1, 65_535),
  tolerance_usecs: integer((c, n) => (c.toleranceUsecs = n)),
  tolerance_percent: integer((c, n) => (c.tolerancePercent = n)),
  tcp_ts_tick_usecs: integer((c, n) => (c.tsTick = n)),
  non_fatal(config) {
    config.nonFatal = true;
    return true;
  },
};

/** Options that packetdrill has and that mean nothing here: there is no device, no peer on a wire, no shell. */
export const IGNORED: readonly string[] = [
  'gateway_ip',
  'netmask_ip',
  'speed',
  'init_scripts',
  'wire_client',
  'wire_server',
  'wire_server_ip',
  'wire_server_port',
  'wire_client_dev',
  'wire_server_dev',
  'tcp_ts_ecr_scaled',
  'send_omit_free',
  'no_cleanup',
  'code_command',
  'code_format',
  'code_sockopt',
  'dry_run',
  'verbose',
  'debug',
  'so_filename',
  'so_flags',
  'is_anyip',
  'persistent_tun_dev',
  'udp_encaps',
  'tun_dev',
  'tcp_allowed_congestion_control',
  'fm_interface',
  'fm_tap',
];

/** Sets one option; a message if that cannot be. Names with - or _ . */
export function setOption(config: Config, name: string, value: string): string | undefined {
  const key = name.replace(/-/g, '_');
  if (key === 'define' || key === 'D' || IGNORED.includes(key)) return undefined;
  const setter = Object.hasOwn(SETTERS, key) ? SETTERS[key] : undefined;
  if (setter === undefined) return `no option of scripts: --${name}`;
  return setter(config, value) ? undefined : `--${name}: a value that cannot be used: ${JSON.stringify(value)}`;
}

/** The configuration of one script: defaults, its own options, and above both the command line's. */
export function configure(script: Script, commandLine: readonly (readonly [string, string])[]): Config {
  const config: Config = { ...DEFAULTS };
  for (const { name, value, line } of script.options) {
    const wrong = setOption(config, name, value);
    if (wrong !== undefined) throw new ScriptError(wrong, line, 1);
  }
  for (const [name, value] of commandLine) {
    const wrong = setOption(config, name, value);
    if (wrong !== undefined) throw new ScriptError(wrong, 1, 1);
  }
  return config;
}
