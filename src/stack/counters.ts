// Counters of a stack, in the arena so that another program can read them: packets in and out by protocol, drops by reason.
// Bumped by every file of this floor; printed by cli (status line, OpenMetrics).

import type { Arena } from '../base/arena.ts';
import { DROP_TABLE } from '../base/drop.ts';

/** What is counted, besides drops. The index is the counter's number; names are OpenMetrics-friendly. Append only. */
export const COUNTER_NAMES = [
  'ip4_received',
  'ip4_sent',
  'ip6_received',
  'ip6_sent',
  'arp_received',
  'arp_sent',
  'icmp_received',
  'icmp_sent',
  'icmp_errors_received',
  'icmp_errors_sent',
  'icmp_errors_suppressed',
  'udp_received',
  'udp_sent',
  'tcp_received',
  'tcp_sent',
  'tcp_received_bytes',
  'tcp_sent_bytes',
  'tcp_retransmitted',
  'tcp_resets_sent',
  'tcp_resets_received',
  'tcp_timeouts',
  'tcp_fast_recoveries',
  'tcp_tail_loss_probes',
  'tcp_tail_losses_repaired',
  'tcp_spurious_timeouts',
  'tcp_recoveries_undone',
  'tcp_out_of_order',
  'tcp_accepted',
  'tcp_connected',
  'tcp_failed',
  'fragments_received',
  'fragments_sent',
  'reassembled',
  'neighbour_probes',
  'frames_received',
  'frames_sent',
  'express_answered',
  'address_conflicts',
  'tcp_challenges_sent',
  'tcp_challenges_suppressed',
  'tcp_cookies_sent',
  'tcp_cookies_received',
  'tcp_cookies_failed',
  'tcp_black_holes',
] as const;

/** The number of a counter; give it to Counters.add. Meant for constants at the top of a file. */
export function counter(name: (typeof COUNTER_NAMES)[number]): number {
  return COUNTER_NAMES.indexOf(name);
}

export class Counters {
  readonly #f64: Float64Array;
  readonly #at: number;
  readonly #drops: number;

  constructor(arena: Arena) {
    const names = COUNTER_NAMES.length;
    this.#at = arena.region('counters', (names + DROP_TABLE.length + 1) * 8) >> 3;
    this.#drops = this.#at + names;
    this.#f64 = arena.f64;
  }

  /** Adds `n` to counter number `id`. */
  add(id: number, n: number): void {
    this.#f64[this.#at + id]! += n;
  }

  /** Counts a drop by its reason (DROP_*). */
  drop(reason: number): void {
    this.#f64[this.#drops + reason]!++;
  }

  get(name: (typeof COUNTER_NAMES)[number]): number {
    return this.#f64[this.#at + counter(name)]!;
  }

  dropped(reason: number): number {
    return this.#f64[this.#drops + reason]!;
  }

  /** All counters by name, and drops that happened by their names. For people and metrics, not for the hot path. */
  snapshot(): { counters: Record<string, number>; drops: Record<string, number> } {
    const counters: Record<string, number> = {};
    COUNTER_NAMES.forEach((name, i) => {
      counters[name] = this.#f64[this.#at + i]!;
    });
    const drops: Record<string, number> = {};
    for (const reason of DROP_TABLE) drops[reason.name] = this.dropped(reason.code);
    return { counters, drops };
  }
}
