// What a script may take for granted because Linux has it so: the profile under which drill runs the stack.
// Read by world.ts and commands.ts; calls nothing but the table of congestion controls.
//
// A setting that the stack does not have (yet) is left out when the stack is made: see known() in world.ts.

import type { Settings } from '../../stack/settings.ts';
import { controlNumber } from '../../stack/tcp/cc/controls.ts';

const SECOND = 1_000_000;
const MILLI = 1000;

/** A value for a setting of the stack, or of one that may come. Times in microseconds. */
export type Profile = Readonly<Record<string, number | boolean | string>>;

/**
 * Linux 6's defaults (Documentation/networking/ip-sysctl): what differs from ring3's own, and what scripts lean on so much
 * that it is said here although it does not.
 */
export const LINUX: Profile = {
  tcpSack: true,
  tcpDsack: true,
  tcpTimestamps: true,
  tcpWindowScaling: true,
  /**
   * tcp_rmem 4096 131072 6291456: a window of half the middle one at first, in whole segments, and a scale that could say the
   * last.
   */
  tcpReceiveBuffer: 65_536,
  tcpReceiveBufferMax: 6_291_456,
  tcpInitialReceiveWindow: 65_536,
  /** The first ACKs of a connection are not delayed. */
  tcpQuickAcks: 16,
  tcpFirstAckDelay: 0,
  /** tcp_wmem 4096 16384 4194304. The first window of data always fits: Linux enlarges the buffer as cwnd grows. */
  tcpSendBuffer: 1 << 20,
  tcpSendBufferMax: 4_194_304,
  tcpInitialWindow: 10,
  tcpRtoInitial: 1 * SECOND,
  tcpRtoMin: 200 * MILLI,
  tcpRtoMax: 120 * SECOND,
  tcpSynRetries: 6,
  tcpSynAckRetries: 5,
  tcpRetries: 15,
  tcpDelayedAck: 40 * MILLI,
  tcpTimeWait: 60 * SECOND,
  tcpFinWait2: 60 * SECOND,
  tcpKeepaliveIdle: 7200 * SECOND,
  tcpKeepaliveInterval: 75 * SECOND,
  tcpKeepaliveProbes: 9,
  tcpMaxBacklog: 4096,
  hopLimit: 64,
  portFirst: 32768,
  portLast: 60999,
  /** Answered, but not asked for. */
  tcpEcn: 2,
  /** Off unless a sysctl asks for it. */
  tcpMtuProbing: 0,
  /** Linux takes what an ICMP error in the window says. */
  tcpDoubtTooBig: false,
  /** Whatever ICMP error arrives ends a connection that is being opened. */
  tcpSynSoftErrors: true,
  tcpRfc1337: false,
  pathMtuMin: 552,
  tcpMinMss: 48,
  tcpInvalidRateLimit: 500 * MILLI,
  /** tcp_challenge_ack_limit is without a limit since 6.x: each connection has its own. */
  tcpChallengeAcksPerSecond: 1_000_000,
  tcpSynCookies: 1,
  tcpCongestion: 'cubic',
  /** Only with the fq queueing discipline or SO_MAX_PACING_RATE. */
  tcpPacing: false,
};

/** How one sysctl becomes settings: given its words, the settings to change. */
export type Sysctl = (words: readonly string[]) => Record<string, number | boolean | string>;

const number = (key: string, factor = 1): Sysctl => {
  return ([word]) => (word !== undefined && Number.isFinite(Number(word)) ? { [key]: Number(word) * factor } : {});
};
const flag = (key: string): Sysctl => {
  return ([word]) => ({ [key]: Number(word) > 0 });
};
/** A congestion control that is not here leaves the default. */
const congestion: Sysctl = ([word]) =>
  word !== undefined && controlNumber(word) >= 0 ? { tcpCongestion: word === 'reno' ? 'newreno' : word } : {};
/** min, default, max: of a receive buffer half is window (tcp_adv_win_scale 1). */
const receiveBuffer: Sysctl = ([, normal, max]) => ({
  ...(Number(normal) > 0 && { tcpReceiveBuffer: Number(normal) / 2, tcpInitialReceiveWindow: Number(normal) / 2 }),
  ...(Number(max) > 0 && { tcpReceiveBufferMax: Number(max) }),
});

/**
 * Linux's sysctls that have a setting here. Every other one is accepted and remembered. A key that the stack does not have
 * is remembered too: one line here is enough for a setting that comes later.
 */
export const SYSCTLS: Readonly<Record<string, Sysctl>> = {
  'net.ipv4.tcp_sack': flag('tcpSack'),
  'net.ipv4.tcp_dsack': flag('tcpDsack'),
  'net.ipv4.tcp_timestamps': flag('tcpTimestamps'),
  'net.ipv4.tcp_window_scaling': flag('tcpWindowScaling'),
  'net.ipv4.tcp_rmem': receiveBuffer,
  'net.ipv4.tcp_wmem': ([, , max]) => (Number(max) > 0 ? { tcpSendBufferMax: Number(max) } : {}),
  'net.ipv4.tcp_moderate_rcvbuf': flag('tcpReceiveAutotune'),
  'net.ipv4.tcp_syn_retries': number('tcpSynRetries'),
  'net.ipv4.tcp_synack_retries': number('tcpSynAckRetries'),
  'net.ipv4.tcp_retries2': number('tcpRetries'),
  'net.ipv4.tcp_fin_timeout': number('tcpFinWait2', SECOND),
  'net.ipv4.tcp_keepalive_time': number('tcpKeepaliveIdle', SECOND),
  'net.ipv4.tcp_keepalive_intvl': number('tcpKeepaliveInterval', SECOND),
  'net.ipv4.tcp_keepalive_probes': number('tcpKeepaliveProbes'),
  'net.ipv4.ip_default_ttl': number('hopLimit'),
  'net.ipv4.tcp_ecn': number('tcpEcn'),
  'net.ipv4.tcp_congestion_control': congestion,
  'net.ipv4.tcp_slow_start_after_idle': flag('tcpSlowStartAfterIdle'),
  'net.ipv4.tcp_no_metrics_save': flag('tcpNoMetricsSave'),
  'net.ipv4.tcp_reordering': number('tcpReordering'),
  'net.ipv4.tcp_recovery': number('tcpRecovery'),
  // 3 and 4: with tail loss probes; less was for an algorithm that is gone.
  'net.ipv4.tcp_early_retrans': ([word]) => ({ tcpTailLossProbe: Number(word) >= 3 }),
  'net.ipv4.tcp_frto': flag('tcpFrto'),
  'net.ipv4.tcp_syncookies': number('tcpSynCookies'),
  'net.ipv4.tcp_challenge_ack_limit': number('tcpChallengeAcksPerSecond'),
  'net.ipv4.tcp_invalid_ratelimit': number('tcpInvalidRateLimit', MILLI),
  // Without a limit: 2^32 - 1.
  'net.ipv4.tcp_notsent_lowat': ([word]) => ({ tcpNotsentLowat: Number(word) < 2 ** 31 ? Number(word) : 0 }),
  'net.ipv4.route.min_pmtu': number('pathMtuMin'),
  'net.ipv4.route.mtu_expires': number('pathMtuLifetime', SECOND),
  'net.ipv4.tcp_rfc1337': flag('tcpRfc1337'),
  'net.ipv4.tcp_abort_on_overflow': flag('tcpAbortOnOverflow'),
  'net.ipv4.tcp_mtu_probing': number('tcpMtuProbing'),
  'net.ipv4.tcp_base_mss': number('tcpBaseMss'),
  'net.ipv4.tcp_min_snd_mss': number('tcpMinMss'),
  'net.ipv4.tcp_rto_min_us': number('tcpRtoMin'),
  'net.ipv4.tcp_rto_max_ms': number('tcpRtoMax', MILLI),
  'net.ipv4.tcp_max_syn_backlog': number('tcpMaxHalfOpen'),
  'net.ipv4.tcp_shrink_window': flag('tcpShrinkWindow'),
  'net.ipv4.tcp_autocorking': flag('tcpAutocorking'),
  'net.ipv4.tcp_pacing_ss_ratio': number('tcpPacingSlowStartRatio'),
  'net.ipv4.tcp_pacing_ca_ratio': number('tcpPacingRatio'),
  'net.core.somaxconn': number('tcpMaxBacklog'),
  'net.ipv4.ip_local_port_range': ([first, last]) => ({ portFirst: Number(first), portLast: Number(last) }),
};

/** Of `wanted`, what the stack has a setting for. */
export function known(wanted: Profile, has: Readonly<Settings>): Partial<Settings> {
  return Object.fromEntries(Object.entries(wanted).filter(([key]) => key in has)) as Partial<Settings>;
}
