// The states of a connection and the moves between them (RFC 9293 section 3.3.2, figure 5).
// Used by every file of tcp/; calls nothing.

export const CLOSED = 0;
export const LISTEN = 1;
export const SYN_SENT = 2;
export const SYN_RECEIVED = 3;
export const ESTABLISHED = 4;
export const FIN_WAIT_1 = 5;
export const FIN_WAIT_2 = 6;
export const CLOSE_WAIT = 7;
export const CLOSING = 8;
export const LAST_ACK = 9;
export const TIME_WAIT = 10;

const NAMES = [
  'CLOSED',
  'LISTEN',
  'SYN-SENT',
  'SYN-RECEIVED',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
] as const;

/** The RFC's name of a state. */
export function stateName(state: number): string {
  return NAMES[state] ?? `state ${state}`;
}

/** The state after our FIN has been sent for the first time. */
export function afterFinSent(state: number): number {
  if (state === ESTABLISHED || state === SYN_RECEIVED) return FIN_WAIT_1;
  return state === CLOSE_WAIT ? LAST_ACK : state;
}

/** The state after our FIN has been acknowledged. LAST-ACK ends in CLOSED. */
export function afterFinAcked(state: number): number {
  if (state === FIN_WAIT_1) return FIN_WAIT_2;
  if (state === CLOSING) return TIME_WAIT;
  return state === LAST_ACK ? CLOSED : state;
}

/** The state after the peer's FIN has arrived in order (and ours, in FIN-WAIT-1, has not been acknowledged). */
export function afterFinReceived(state: number): number {
  if (state === ESTABLISHED || state === SYN_RECEIVED) return CLOSE_WAIT;
  if (state === FIN_WAIT_1) return CLOSING;
  return state === FIN_WAIT_2 ? TIME_WAIT : state;
}

/** Whether the user may still queue data in this state (the handshake need not be over). */
export function maySend(state: number): boolean {
  return state === SYN_SENT || state === SYN_RECEIVED || state === ESTABLISHED || state === CLOSE_WAIT;
}

/** Whether data from the peer is still taken in this state. */
export function mayReceive(state: number): boolean {
  return state === ESTABLISHED || state === FIN_WAIT_1 || state === FIN_WAIT_2;
}
