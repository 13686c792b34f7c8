// TCP_INFO as Linux names it, made of what the stack tells about a connection: one line a field.
// Called by code.ts's user, run.ts; calls nothing.

import type { TcpInfo } from '../../stack/tcp/info.ts';

/** Linux's numbers of states. */
const STATES: Readonly<Record<string, number>> = {
  ESTABLISHED: 1,
  'SYN-SENT': 2,
  'SYN-RECEIVED': 3,
  'FIN-WAIT-1': 4,
  'FIN-WAIT-2': 5,
  // The socket itself is closed then, and that is what it tells.
  'TIME-WAIT': 7,
  CLOSED: 7,
  'CLOSE-WAIT': 8,
  'LAST-ACK': 9,
  LISTEN: 10,
  CLOSING: 11,
};
/** The congestion state by the stack's word for it. */
const CA_STATES: Readonly<Record<string, number>> = { open: 0, disorder: 1, cwr: 2, recovery: 3, loss: 4 };
const INFINITE = 0x7fffffff;

/** What may be in a snapshot beyond the fields that the type has now. */
type Info = TcpInfo & Readonly<Record<string, unknown>>;

/** A number of the snapshot, if it is there. */
function of(info: Info, name: string): number | undefined {
  const value = info[name];
  return typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : undefined;
}

/** Bytes in segments of the connection, rounded up. */
function segments(info: Info, bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : Math.ceil(bytes / Math.max(1, info.mss));
}

type Field = (info: Info) => number | undefined;
const plain = (name: string, factor = 1): Field => {
  return (info) => {
    const value = of(info, name);
    return value === undefined ? undefined : Math.round(value * factor);
  };
};
const inSegments =
  (name: string): Field =>
  (info) =>
    segments(info, of(info, name));

const atLeast0 = (name: string): Field => {
  return (info) => {
    const value = of(info, name);
    return value === undefined ? undefined : Math.max(0, value);
  };
};

/** TCPI_OPT_*: what has been agreed on. */
function options(info: Info): number | undefined {
  if (of(info, 'timestamps') === undefined) return undefined;
  const bit = (on: boolean, value: number): number => (on ? value : 0);
  return (
    bit(of(info, 'timestamps') === 1, 1) +
    bit(of(info, 'sack') === 1, 2) +
    bit((of(info, 'receiveScale') ?? -1) >= 0, 4) +
    bit(of(info, 'ecn') === 1, 8) +
    bit(of(info, 'ecnSeen') === 1, 16)
  );
}

/** Linux's field to the stack's. A name of the stack that it does not have (yet) leaves the field out. */
export const FIELDS: Readonly<Record<string, Field>> = {
  tcpi_state: (info) => STATES[info.state] ?? 0,
  tcpi_ca_state: (info) => CA_STATES[String(info['caState'])],
  tcpi_retransmits: plain('retries'),
  tcpi_probes: plain('probes'),
  tcpi_backoff: (info) => of(info, 'backoff') ?? info.retries,
  tcpi_options: options,
  tcpi_snd_wscale: atLeast0('sendScale'),
  tcpi_rcv_wscale: atLeast0('receiveScale'),
  tcpi_rto: plain('rto'),
  tcpi_ato: plain('ato'),
  tcpi_snd_mss: plain('mss'),
  tcpi_rcv_mss: plain('rcvMss'),
  tcpi_unacked: (info) => of(info, 'unackedSegments') ?? segments(info, info.inFlight),
  tcpi_sacked: (info) => of(info, 'sackedSegments') ?? segments(info, of(info, 'sacked')),
  tcpi_lost: (info) => of(info, 'lostSegments') ?? segments(info, of(info, 'lost')),
  tcpi_retrans: (info) => of(info, 'retransmittingSegments') ?? segments(info, of(info, 'retransmitting')),
  tcpi_fackets: plain('fackets'),
  tcpi_pmtu: plain('pathMtu'),
  tcpi_rcv_ssthresh: plain('receiveThreshold'),
  tcpi_rtt: plain('rtt'),
  tcpi_rttvar: plain('rttvar'),
  tcpi_snd_ssthresh: (info) =>
    info.ssthresh >= 0x3fffffff ? INFINITE : Math.max(1, Math.floor(info.ssthresh / Math.max(1, info.mss))),
  tcpi_snd_cwnd: (info) => Math.floor(info.cwnd / Math.max(1, info.mss)),
  tcpi_advmss: plain('advmss'),
  // In segments; three until more is seen (sysctl tcp_reordering).
  tcpi_reordering: (info) => Math.max(3, segments(info, of(info, 'reordering')) ?? 0),
  tcpi_rcv_rtt: plain('rcvRtt'),
  tcpi_rcv_space: plain('rcvSpace'),
  tcpi_total_retrans: (info) => of(info, 'retransmits') ?? segments(info, info.bytesRetransmitted),
  tcpi_pacing_rate: plain('pacingRate'),
  tcpi_max_pacing_rate: plain('maxPacingRate'),
  tcpi_bytes_acked: plain('bytesAcked'),
  tcpi_bytes_received: plain('bytesReceived'),
  tcpi_segs_out: plain('segsOut'),
  tcpi_segs_in: plain('segsIn'),
  tcpi_notsent_bytes: plain('unsent'),
  tcpi_min_rtt: plain('minRtt'),
  tcpi_data_segs_in: plain('dataSegsIn'),
  tcpi_data_segs_out: plain('dataSegsOut'),
  tcpi_delivery_rate: plain('deliveryRate'),
  tcpi_delivery_rate_app_limited: plain('appLimited'),
  tcpi_last_data_sent: plain('lastDataSentMs'),
  tcpi_last_data_recv: plain('lastDataReceivedMs'),
  tcpi_last_ack_recv: plain('lastAckReceivedMs'),
  tcpi_busy_time: plain('busyTime'),
  tcpi_rwnd_limited: plain('receiveWindowLimited'),
  tcpi_sndbuf_limited: plain('sendBufferLimited'),
  tcpi_delivered: (info) => of(info, 'deliveredSegments') ?? inSegments('delivered')(info),
  tcpi_delivered_ce: plain('deliveredCe'),
  tcpi_bytes_sent: plain('bytesSent'),
  tcpi_bytes_retrans: plain('bytesRetransmitted'),
  tcpi_dsack_dups: plain('dsackDuplicates'),
  tcpi_reord_seen: plain('reorderingSeen'),
  tcpi_rcv_ooopack: plain('outOfOrderPackets'),
  tcpi_snd_wnd: plain('sendWindow'),
  tcpi_rcv_wnd: plain('receiveWindow'),
  tcpi_rehash: plain('rehashes'),
  tcpi_total_rto: plain('timeouts'),
};

/** Values of Linux's names that %{ }% may use beside the fields. */
export const CONSTANTS: Readonly<Record<string, number>> = {
  TCPI_OPT_TIMESTAMPS: 1,
  TCPI_OPT_SACK: 2,
  TCPI_OPT_WSCALE: 4,
  TCPI_OPT_ECN: 8,
  TCPI_OPT_ECN_SEEN: 16,
  TCPI_OPT_SYN_DATA: 32,
  TCP_CA_Open: 0,
  TCP_CA_Disorder: 1,
  TCP_CA_CWR: 2,
  TCP_CA_Recovery: 3,
  TCP_CA_Loss: 4,
  TCP_ESTABLISHED: 1,
  TCP_SYN_SENT: 2,
  TCP_SYN_RECV: 3,
  TCP_FIN_WAIT1: 4,
  TCP_FIN_WAIT2: 5,
  TCP_TIME_WAIT: 6,
  TCP_CLOSE: 7,
  TCP_CLOSE_WAIT: 8,
  TCP_LAST_ACK: 9,
  TCP_LISTEN: 10,
  TCP_CLOSING: 11,
};

/** All fields that the stack can fill. */
export function linuxInfo(info: TcpInfo): Map<string, number> {
  const out = new Map<string, number>();
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = field(info as Info);
    if (value !== undefined) out.set(name, value);
  }
  return out;
}
