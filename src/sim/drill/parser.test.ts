// Tests of how scripts are read: times, packets, options, calls, directives, and errors with line and column.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, SysCall, TcpPacket } from './ast.ts';
import { ScriptError } from './errors.ts';
import { parseScript } from './parser.ts';

function one(text: string): Event {
  const { events } = parseScript('t', text);
  assert.equal(events.length, 1, text);
  return events[0]!;
}

function tcp(text: string): TcpPacket {
  const { what } = one(`+0 ${text}`);
  assert.equal(what.kind, 'tcp');
  return what as TcpPacket;
}

function call(text: string): SysCall {
  const { what } = one(text);
  assert.equal(what.kind, 'call');
  return what as SysCall;
}

function fails(text: string, line: number, column: number, message: RegExp): void {
  assert.throws(
    () => parseScript('t', text),
    (error) => {
      assert.ok(error instanceof ScriptError, String(error));
      assert.match(error.message, message);
      assert.deepEqual([error.line, error.column], [line, column], error.message);
      return true;
    },
  );
}

test('times: absolute, relative, any, ranges, none', () => {
  const when = (text: string) => one(`${text} > . 1:1(0) ack 1`).when;
  assert.deepEqual(when('0.1'), { kind: 'absolute', at: 100_000, until: undefined });
  assert.deepEqual(when('2'), { kind: 'absolute', at: 2_000_000, until: undefined });
  assert.deepEqual(when('+.25'), { kind: 'relative', at: 250_000, until: undefined });
  assert.deepEqual(when('+0'), { kind: 'relative', at: 0, until: undefined });
  assert.deepEqual(when('+'), { kind: 'relative', at: 0, until: undefined });
  assert.deepEqual(when('*'), { kind: 'any', at: 0, until: undefined });
  assert.deepEqual(when('0.1~0.2'), { kind: 'absolute', at: 100_000, until: 200_000 });
  assert.deepEqual(when('+.1~+.2'), { kind: 'relative', at: 100_000, until: 200_000 });
  assert.deepEqual(when('+.1 ~ +.2'), { kind: 'relative', at: 100_000, until: 200_000 });
  assert.deepEqual(when('*~+.2'), { kind: 'relative', at: 0, until: 200_000 });
  assert.deepEqual(when('+0~*'), { kind: 'relative', at: 0, until: Infinity });
  assert.deepEqual(when(''), { kind: 'relative', at: 0, until: undefined });
});

test('a call that blocks has an end', () => {
  assert.equal(call('0.100...0.200 accept(3, ..., ...) = 4').end, 200_000);
  assert.equal(call('0...1 accept(3, ..., ...) = 4').end, 1_000_000);
  assert.equal(call('+0...+0.5 read(3, ..., 1) = 1').end, 500_000);
  assert.equal(call('+0 read(3, ..., 1) = 1').end, undefined);
});

test('flags, numbers and fields of a segment', () => {
  assert.deepEqual(
    { ...tcp('< FPU. 1:101(100) ack 5 win 257 urg 3 <...>'), ip: 0 },
    {
      kind: 'tcp',
      inbound: true,
      ip: 0,
      tuple: undefined,
      flags: 1 | 8 | 32 | 16,
      seq: 1,
      length: 100,
      ack: 5,
      win: 257,
      urg: 3,
      options: undefined,
    },
  );
  assert.equal(tcp('> SEW 0:0(0)').flags, 2 | 64 | 128);
  assert.equal(tcp('> SE. 0:0(0) ack 1').flags, 2 | 64 | 16);
  assert.equal(tcp('> - 0:0(0)').flags, 0);
  assert.equal(tcp('> .5 1:1(0) ack 1').flags, 16 | 256 | 64);
  assert.equal(tcp('< . 4294967295:1(2) ack 1').seq, 4_294_967_295);
  assert.deepEqual(tcp('> . 1:1(0) ack 1').options, []);
  assert.equal(tcp('> . ack 1').seq, undefined);
});

test('options', () => {
  assert.deepEqual(tcp('< . 1:1(0) ack 1 <nop,nop,sack 1:2 3001:4001,TS val 5 ecr 6,eol>').options, [
    { kind: 'nop' },
    { kind: 'nop' },
    {
      kind: 'sack',
      blocks: [
        [1, 2],
        [3001, 4001],
      ],
    },
    { kind: 'TS', val: 5, ecr: 6 },
    { kind: 'eol' },
  ]);
  assert.deepEqual(tcp('< S 0:0(0) <mss 1460,sackOK,wscale 7,FO c0ff>').options?.at(-1), {
    kind: 'raw',
    code: 34,
    data: Uint8Array.of(0xc0, 0xff),
  });
  assert.deepEqual(tcp('> . 1:1(0) ack 1 <>').options, []);
});

test('options on the next line belong to the packet, a packet there does not', () => {
  assert.equal(tcp('< S 0:0(0) win 5\n   <mss 1000>').options?.length, 1);
  assert.equal(parseScript('t', '0 < S 0:0(0) win 5\n< . 1:1(0) ack 1').events.length, 2);
});

test('what is said about the IP header, and ports', () => {
  assert.deepEqual(tcp('< [ect0] . 1:1(0) ack 1').ip, { ecn: 2 });
  assert.deepEqual(tcp('> [noecn, ttl 64] . 1:1(0) ack 1').ip, { ecn: 0, ttl: 64 });
  assert.deepEqual(tcp('> (flowlabel 0x12) . 1:1(0) ack 1').ip, { flowLabel: 0x12 });
  assert.deepEqual(tcp('> [tos 0x10] . 1:1(0) ack 1').ip, { tos: 16 });
  const ports = { src: undefined, srcPort: 4242, dst: undefined, dstPort: 8080 };
  assert.deepEqual(tcp('< 4242 > 8080: S 0:0(0)').tuple, ports);
  assert.deepEqual(tcp('< 4242 > 8080 S 0:0(0)').tuple, ports);
  assert.deepEqual(tcp('< 192.0.2.9:1 > 192.168.0.1:2 S 0:0(0)').tuple, {
    src: '192.0.2.9',
    srcPort: 1,
    dst: '192.168.0.1',
    dstPort: 2,
  });
});

test('ICMP', () => {
  const icmp = one('0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]').what;
  assert.ok(icmp.kind === 'icmp');
  assert.deepEqual([icmp.version, icmp.type, icmp.code, icmp.mtu], [4, 3, 4, 1200]);
  assert.deepEqual(icmp.quote, { udp: false, seq: 1, length: 1460, tuple: undefined });
  const big = one('0 < icmpv6 packet_too_big mtu 1280 [udp (1400)]').what;
  assert.ok(big.kind === 'icmp');
  assert.deepEqual([big.version, big.type, big.mtu, big.quote?.udp], [6, 2, 1280, true]);
});

test('calls: values of every kind, results with notes', () => {
  const bind = call('0 bind(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("1.2.3.4")}, ...) = 0');
  assert.deepEqual(bind.args[0], { kind: 'number', value: 3 });
  assert.equal(bind.args[1]!.kind, 'struct');
  const flags = call('0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0').args[2];
  assert.deepEqual(flags, { kind: 'number', value: 0o4002 });
  assert.deepEqual(call('0 f(1 << 3, 2*(3+4), -1, "a" "b", [1, 2])').args.slice(0, 4), [
    { kind: 'number', value: 8 },
    { kind: 'number', value: 14 },
    { kind: 'number', value: -1 },
    { kind: 'string', value: 'ab' },
  ]);
  const result = call('0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now (really) in progress)');
  assert.deepEqual([result.result, result.errno], [{ kind: 'number', value: -1 }, 'EINPROGRESS']);
  const message = call('0 sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 10}, {..., 20}], msg_flags=0}, 0) = 30');
  const struct = message.args[1]!;
  assert.equal(struct.kind === 'struct' && struct.fields[1]!.name, 'msg_iov');
});

test('the result of a call ends where the next event begins', () => {
  const { events } = parseScript('t', '0 socket(..., 1, 6) = 3\n+0 close(3) = 0\n* > R 1:1(0)\n-D X\n--mtu=1400');
  assert.deepEqual(
    events.map((e) => e.line),
    [1, 2, 3],
  );
});

test('conditions and names', () => {
  const text =
    '#ifdef A\n0 close(A) = 0\n#else\n0 close(1) = 0\n#endif\n# if this were read\n#define B 7\n+0 close(B) = "A"';
  const events = (defines: [string, string][]) => parseScript('t', text, new Map(defines)).events;
  const first = (list: readonly Event[]) => (list[0]!.what as SysCall).args[0];
  assert.deepEqual(first(events([['A', '9']])), { kind: 'number', value: 9 });
  assert.deepEqual(first(events([])), { kind: 'number', value: 1 });
  assert.deepEqual((events([])[1]!.what as SysCall).args[0], { kind: 'number', value: 7 });
  assert.equal(events([])[1]!.line, 8);
  // Names in strings stay.
  assert.deepEqual((events([['A', '9']])[1]!.what as SysCall).result, { kind: 'string', value: 'A' });
});

test('options at the top, several on a line, and -D', () => {
  const script = parseScript('t', '--ip_version=ipv6 --mtu=1280\n-D X=5\n--send_omit_free\n0 close(X) = 0');
  assert.deepEqual(
    script.options.map(({ name, value }) => [name, value]),
    [
      ['ip_version', 'ipv6'],
      ['mtu', '1280'],
      ['send_omit_free', ''],
    ],
  );
  assert.deepEqual((script.events[0]!.what as SysCall).args[0], { kind: 'number', value: 5 });
});

test('errors name line and column', () => {
  fails('0 socket(..., 1, 6) = 3\n+0 > Q 1:1(0)', 2, 6, /TCP flags/);
  fails('0 < . 1:5(5) ack 1', 1, 7, /do not fit/);
  fails('0 < . 1:5 ack 1', 1, 7, /first:end\(length\)/);
  fails('0 < S 0:0(0) <mss 1460,bogus 3>', 1, 24, /no TCP option: bogus/);
  fails('0 close(3 = 0', 1, 11, /expected ","/);
  fails('0.5~0.2 > . 1:1(0)', 1, 1, /ends before it begins/);
  fails('0 `true', 1, 3, /command without an end/);
  fails('\n\n  /* never', 3, 3, /comment without an end/);
  fails('0 %{ assert 1', 1, 3, /code without/);
  fails('#ifdef X\n0 close(1) = 0', 1, 1, /without #endif/);
  fails('#endif', 1, 1, /without #ifdef/);
  fails('0 < icmp unreachable nonsense [1:1(0)]', 1, 22, /no code of ICMP: nonsense/);
  fails('0 < ipv4 1.1.1.1 > 2.2.2.2 . 1:1(0)', 1, 5, /not supported/);
  fails(`0 < . 1:1(0) ack 1 <${Array(5).fill('TS val 1 ecr 2').join(',')}>`, 1, 20, /40 bytes/);
});
