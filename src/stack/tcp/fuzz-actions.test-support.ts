// Test support: what a fuzzer of live connections can do, as bytes for a coverage-guided one and as text for people and the corpus.
// Called by fuzz-world (which acts), fuzz-generate and the tests; calls nothing.
//
//   bytes:  an operation is a byte from 192 on, its parameters are the bytes below 192 that follow. What is left out is 0, what
//           is too much is passed over: so a byte that is lost or doubled changes one action and no other.
//   text:   a line an action: its name, then parameters that are not 0 as name=number; # begins a comment

export type Operation =
  | 'world'
  | 'segment'
  | 'data'
  | 'fill'
  | 'fin'
  | 'hear'
  | 'advance'
  | 'write'
  | 'read'
  | 'shutdown'
  | 'close'
  | 'abort'
  | 'option'
  | 'icmp'
  | 'room'
  | 'batch';

/** Parameters by operation: numbers from 0 to 191, which fuzz-world turns into choices. The first action is always 'world'. */
export const OPERATIONS: Readonly<Record<Operation, readonly string[]>> = {
  world: 'conns v6 gso mtu sack ts ws peerws mss iss active rcvbuf sndbuf starved ending cc delack seed ecn irw'.split(
    ' ',
  ),
  /** Any segment. `seq` and `ack` choose a landmark, `dseq` and `dack` a distance from it. */
  segment: 'conn flags seq dseq ack dack win len ts extra variant ecn'.split(' '),
  /** The peer sends what comes next, `count` segments of it; `skip`: but loses so many first. */
  data: 'conn len count skip'.split(' '),
  /** The peer sends again what we lack. */
  fill: 'conn len count'.split(' '),
  fin: 'conn'.split(' '),
  /** The peer hears `count` of the segments that are under way, from the one at `from` on, without those in `loss`, and answers. */
  hear: 'conn from count loss reply win'.split(' '),
  advance: 'time times'.split(' '),
  write: 'conn size'.split(' '),
  read: 'conn size'.split(' '),
  shutdown: 'conn'.split(' '),
  close: 'conn'.split(' '),
  abort: 'conn'.split(' '),
  option: 'conn option value'.split(' '),
  icmp: 'conn kind seq dseq mtu'.split(' '),
  /** The link is full, or takes frames again. */
  room: 'open'.split(' '),
  /** The next `count` segments to the stack come in one pass (where the world is not held against the reference). */
  batch: 'count'.split(' '),
};

export interface Action {
  readonly op: Operation;
  /** In the order of OPERATIONS. */
  readonly args: readonly number[];
}

export const NAMES: readonly Operation[] = Object.keys(OPERATIONS) as Operation[];
export const MAX_ARG = 191;
/** Segments by far the most, then what peers and users do. How an operation byte is read. */
const BYTES: readonly Operation[] = [
  ...Array<Operation>(19).fill('segment'),
  'batch',
  ...Array<Operation>(8).fill('hear'),
  ...Array<Operation>(6).fill('data'),
  ...Array<Operation>(6).fill('advance'),
  ...Array<Operation>(5).fill('write'),
  ...Array<Operation>(4).fill('read'),
  ...Array<Operation>(4).fill('fill'),
  ...Array<Operation>(3).fill('icmp'),
  ...Array<Operation>(2).fill('option'),
  'fin',
  'room',
  'shutdown',
  'close',
  'abort',
  'world',
];

export function action(op: Operation, args: Readonly<Record<string, number>> = {}): Action {
  return { op, args: OPERATIONS[op].map((name) => args[name] ?? 0) };
}

/** At most `limit` actions. Bytes before the first operation are parameters of 'world'. */
export function fromBytes(bytes: Uint8Array, limit: number): Action[] {
  const out: Action[] = [];
  let args: number[] = [];
  let op: Operation = 'world';
  const end = (): void => {
    if (op !== 'world' || out.length === 0) out.push({ op, args: OPERATIONS[op].map((_, i) => args[i] ?? 0) });
    args = [];
  };
  for (const byte of bytes) {
    if (byte <= MAX_ARG) args.push(byte);
    else {
      end();
      if (out.length >= limit) return out;
      op = BYTES[byte - MAX_ARG - 1]!;
    }
  }
  end();
  return out;
}

export function toBytes(actions: readonly Action[]): Uint8Array {
  const out: number[] = [];
  actions.forEach(({ op, args }, i) => {
    if (i > 0) out.push(MAX_ARG + 1 + BYTES.indexOf(op));
    const last = args.findLastIndex((arg) => arg !== 0);
    out.push(...args.slice(0, last + 1));
  });
  return Uint8Array.from(out);
}

export function toText(actions: readonly Action[]): string {
  return actions
    .map(({ op, args }) => [op, ...args.flatMap((arg, i) => (arg === 0 ? [] : [`${OPERATIONS[op][i]}=${arg}`]))])
    .map((words) => words.join(' ') + '\n')
    .join('');
}

/** Reads what toText() writes. Throws with the line's number. */
export function fromText(text: string): Action[] {
  return text.split('\n').flatMap((line, i) => {
    const [op, ...words] = line
      .replace(/#.*/, '')
      .split(/\s+/)
      .filter((word) => word !== '');
    if (op === undefined) return [];
    if (!(op in OPERATIONS)) throw new Error(`line ${i + 1}: no operation ${op}`);
    const args: Record<string, number> = {};
    for (const word of words) {
      const [name, value] = word.split('=') as [string, string | undefined];
      const n = Number(value);
      if (!OPERATIONS[op as Operation].includes(name) || !(n >= 0 && n <= MAX_ARG))
        throw new Error(`line ${i + 1}: ${word}`);
      args[name] = n;
    }
    return [action(op as Operation, args)];
  });
}
