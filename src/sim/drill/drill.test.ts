// Tests of whole runs: what passes, what does not, and what is said then.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TcpPacket } from './ast.ts';
import { compareTcp } from './compare.ts';
import { decode } from './decode.ts';
import { type DrillOptions, drill, type Seen } from './drill.ts';
import { Flow } from './flow.ts';
import { parseScript } from './parser.ts';

const OPEN = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 32792
+0 accept(3, ..., ...) = 4
`;
/** Line of what follows OPEN. */
const NEXT = 8;

function passes(text: string, options: DrillOptions = {}): void {
  assert.equal(drill('t', OPEN + text, options).text, '');
}

function fails(text: string, line: number, message: RegExp, options: DrillOptions = {}): void {
  const result = drill('t', OPEN + text, options);
  assert.equal(result.passed, false, `passed: ${text}`);
  assert.equal(result.malformed, false, result.text);
  assert.ok(result.text.startsWith(`t:${line}: `), result.text);
  assert.match(result.text, message);
}

test('every field of a packet is compared', () => {
  passes('+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1');
  fails('+0 write(4, ..., 100) = 100\n+0 > . 1:101(100) ack 1', NEXT + 1, /flags: expected \., actual P\./);
  fails('+0 write(4, ..., 100) = 100\n+0 > P. 2:102(100) ack 1', NEXT + 1, /sequence number: expected 2, actual 1/);
  fails('+0 write(4, ..., 100) = 100\n+0 > P. 1:91(90) ack 1', NEXT + 1, /payload bytes: expected 90, actual 100/);
  fails('+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 2', NEXT + 1, /ack: expected 2, actual 1/);
  fails('+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1 win 1', NEXT + 1, /window: expected 1, actual/);
  fails(
    '+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1 <mss 5>',
    NEXT + 1,
    /options: expected <mss 5>, actual none/,
  );
  fails('+0 write(4, ..., 100) = 100\n+0 > [ce] P. 1:101(100) ack 1', NEXT + 1, /ECN: expected 3/);
  fails(
    '+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1 urg 3',
    NEXT + 1,
    /urgent pointer: expected 3, actual 0/,
  );
  fails('+0 write(4, ..., 100) = 100\n+0 > [ttl 1] P. 1:101(100) ack 1', NEXT + 1, /TTL: expected 1, actual 64/);
});

test('a mismatch shows both packets with their times', () => {
  fails(
    '+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 7',
    NEXT + 1,
    /\n {2}script: 0\.100000 > P\. 1:101\(100\) ack 7\n {2}actual: 0\.100000 > P\. 1:101\(100\) ack 1 win \d+$/,
  );
});

test('options that are not written must not be there', () => {
  const text = OPEN.replace('<mss 1000>', '<mss 1000,nop,wscale 2>').replace(' <mss 1460>', '');
  assert.match(drill('t', text).text, /options: expected none, actual <mss 1460,nop,wscale 7>/);
  assert.equal(drill('t', text.replace('S. 0:0(0) ack 1', 'S. 0:0(0) ack 1 <...>')).text, '');
});

test('a packet that the script does not expect is compared with the one it does', () => {
  fails(
    '+0 write(4, ..., 10) = 10\n+0 close(4) = 0\n+0 > F. 11:11(0) ack 1',
    NEXT + 2,
    /payload bytes: expected 0, actual 10/,
  );
});

test('a packet that does not come', () => {
  fails('+0 > . 1:1(0) ack 1', NEXT, /has sent nothing\n[\s\S]*nothing until 0\.104/);
  fails('* > . 1:1(0) ack 1', NEXT, /has sent nothing/);
});

test('time: tolerance, none of it, ranges, percent', () => {
  const late = (at: string): string => `+0 write(4, ..., 9) = 9\n+0 > P. 1:10(9) ack 1\n${at} > P. 1:10(9) ack 1`;
  passes(late('+.3'));
  passes(late('+.302'));
  passes(late('+.298'));
  fails(late('+.31'), NEXT + 2, /came at 0\.400000, expected at 0\.410000 \(tolerance 4000 us\)/);
  fails(late('+.29'), NEXT + 2, /has sent nothing/);
  fails(late('+.302'), NEXT + 2, /tolerance 0 us/, { strict: true });
  passes(late('+.3'), { strict: true });
  passes(late('+.1~+.9'));
  fails(late('+.4~+.9'), NEXT + 2, /expected between 0\.500000 and 1\.000000/);
  passes(late('*'));
  passes(late('+.31'), { options: [['tolerance_usecs', '20000']] });
  passes(late('+.31'), { options: [['tolerance_percent', '5']] });
});

test('relative times count from when the event before was done', () => {
  passes(
    '+0 write(4, ..., 9) = 9\n+0 > P. 1:10(9) ack 1\n+.298 > P. 1:10(9) ack 1\n+.1 < . 1:1(0) ack 10 win 9\n0.500 close(4) = 0',
    {
      strict: false,
    },
  );
});

test('a time that has passed is an error', () => {
  fails('0.05 write(4, ..., 10) = 10', NEXT, /should have happened at 0\.050000, and it is 0\.100000/);
});

test('results of calls: numbers, errnos, out-values', () => {
  fails('+0 write(4, ..., 10) = 11', NEXT, /write returned 10, expected 11/);
  fails('+0 read(4, ..., 10) = -1 EAGAIN (no)', NEXT, /still waits/);
  passes('+0 fcntl(4, F_SETFL, O_NONBLOCK) = 0\n+0 read(4, ..., 10) = -1 EAGAIN (yes)');
  fails(
    '+0 fcntl(4, F_SETFL, O_NONBLOCK) = 0\n+0 read(4, ..., 10) = -1 EPIPE (no)',
    NEXT + 1,
    /returned -1 EAGAIN, expected -1 EPIPE/,
  );
  fails('+0 read(9, ..., 10) = 0', NEXT, /returned -1 EBADF/);
  fails('+0 ioctl(4, SIOCINQ, [5]) = 0', NEXT, /expected \[5\], actual \[0\]/);
  fails('+0 getsockopt(4, SOL_TCP, TCP_NODELAY, [1], [4]) = 0', NEXT, /expected 1, actual 0/);
  passes('+0 setsockopt(4, SOL_SOCKET, SO_MARK, [77], 4) = 0\n+0 getsockopt(4, SOL_SOCKET, SO_MARK, [77], [4]) = 0');
  fails('+0 poll([{fd=4, events=POLLOUT, revents=POLLIN}], 1, 0) = 1', NEXT, /revents: expected 1, actual 4/);
  fails('+0 frobnicate(4) = 0', NEXT, /no system call that is known here: frobnicate/);
});

test('a call that blocks ends when it says, while other events go on', () => {
  const read = (end: string): string =>
    `+0...${end} read(4, ..., 100) = 10\n+.1 < P. 1:11(10) ack 1 win 9\n+0~+.04 > . 1:1(0) ack 11`;
  passes(read('0.1'));
  fails(read('0.2'), NEXT, /the return of read came at 0\.200000, expected at 0\.300000/);
  fails('+0...0.1 read(4, ..., 100) = 10', NEXT, /still waits at 0\.204000/);
});

test('a call that waits for time alone ends by itself', () => {
  passes('+0...0.25 poll([{fd=4, events=POLLIN, revents=0}], 1, 250) = 0\n+.0 close(4) = 0');
  passes(
    '+0 setsockopt(4, SOL_SOCKET, SO_RCVTIMEO, {1, 500000}, 16) = 0\n+0...1.5 read(4, ..., 10) = -1 EAGAIN (late)',
  );
});

test('a read waits for SO_RCVLOWAT', () => {
  const low = '+0 setsockopt(4, SOL_SOCKET, SO_RCVLOWAT, [300], 4) = 0\n';
  const data = '+.1 < P. 1:201(200) ack 1 win 9\n+0~+.04 > . 1:1(0) ack 201\n0.3 < P. 201:401(200) ack 1 win 9';
  passes(`${low}0.1...0.3 read(4, ..., 1000) = 400\n${data}`);
  passes(`${low}0.1...0.2 read(4, ..., 100) = 100\n${data}`);
  passes(`${low}0.1...0.3 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 500) = 1\n${data}`);
});

test('a write larger than the buffer waits for room', () => {
  const acks = Array.from({ length: 40 }, (_, i) => `+0 < . 1:1(0) ack ${1 + 1000 * (i + 1)} win 32792`);
  const result = drill(
    't',
    `${OPEN}+0 setsockopt(4, SOL_SOCKET, SO_SNDBUF, [8192], 4) = 0\n+0...0.1 write(4, ..., 30000) = 30000\n+.1 ${acks.join('\n').slice(3)}`,
  );
  assert.equal(result.text, '');
});

test('assertions see the connection', () => {
  passes('+0 %{ assert tcpi_state == TCP_ESTABLISHED and tcpi_unacked == 0 }%');
  fails('+0 %{\nassert tcpi_snd_cwnd == 77, tcpi_snd_cwnd\n}%', NEXT + 1, /tcpi_snd_cwnd == 77 is not so: 10/);
});

test('commands: settings, stand-ins, and nothing else', () => {
  const off = OPEN.replace('<mss 1000>', '<mss 1000,sackOK>');
  assert.match(drill('t', off).text, /actual <mss 1460,nop,nop,sackOK>/);
  assert.equal(drill('t', `\`sysctl -q net.ipv4.tcp_sack=0\`\n${off}`).text, '');
  assert.equal(drill('t', `\`echo 0 > /proc/sys/net/ipv4/tcp_sack\`\n${off}`).text, '');
  const told: string[] = [];
  assert.equal(drill('t', `\`frobnicate /\`\n${OPEN}`, { warn: (line) => told.push(line) }).text, '');
  assert.deepEqual(told, ['t:1: `frobnicate /` has no stand-in and is not run']);
  const read = (path: string) =>
    path === './x.sh' ? '#!/bin/sh\nsysctl -q net.ipv4.tcp_sack=$((1 - 1))\nrm -rf x\n' : undefined;
  assert.equal(drill('t', `\`./x.sh\`\n${off}`, { read }).text, '');
});

test('a script that cannot be read says so', () => {
  const result = drill('t', `${OPEN}+0 > Q`);
  assert.deepEqual([result.passed, result.malformed], [false, true]);
  assert.match(result.text, /^t:8:6: /);
  assert.match(drill('t', '--mtu=7\n').text, /^t:1:1: --mtu/);
  assert.match(drill('t', '\n--frobnicate=7\n').text, /^t:2:1: no option of scripts: --frobnicate/);
});

test('packets go by in order, with their times', () => {
  const seen: Seen[] = [];
  passes('', { onPacket: (one) => seen.push(one) });
  assert.deepEqual(
    seen.map(({ at, inbound }) => [at, inbound]),
    [
      [0, true],
      [0, false],
      [100_000, true],
    ],
  );
});

test('segments sent at one moment are met as one, up to the length that is written', () => {
  passes('+0 write(4, ..., 3000) = 3000\n+0 > P. 1:3001(3000) ack 1');
  passes('+0 write(4, ..., 3000) = 3000\n+0 > . 1:2001(2000) ack 1\n+0 > P. 2001:3001(1000) ack 1');
  fails('+0 write(4, ..., 3000) = 3000\n+0 > P. 1:4001(4000) ack 1', NEXT + 1, /expected 4000, actual 3000/);
});

test('segments sent at different moments are not met as one', () => {
  fails(
    '+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0\n+0 write(4, ..., 500) = 500\n+.01 write(4, ..., 500) = 500\n*~+.1 > P. 1:1001(1000) ack 1',
    NEXT + 3,
    /expected 1000, actual 500\n[\s\S]*behind: 0\.110000 > P\. 501:1001\(500\)/,
  );
});

test('a packet with a wrong checksum is wrong, whatever its fields', () => {
  const seen: Seen[] = [];
  passes('+0 write(4, ..., 100) = 100', { onPacket: (one) => seen.push(one) });
  const { bytes } = seen.find((one) => !one.inbound && decode(one.bytes).length === 100)!;
  assert.equal(decode(bytes).fault, '');
  const flow = new Flow(6, [0, 0, 0, 0], 0, [0, 0, 0, 0], 0);
  const script = parseScript('t', '0 > P. 1:101(100) <...>').events[0]!.what as TcpPacket;
  const damage = (at: number): string[] => {
    const copy = bytes.slice();
    copy[at]! ^= 1;
    return compareTcp({ ...script, seq: undefined }, decode(copy), flow, 0, { tick: 0, tolerance: 0 });
  };
  assert.deepEqual(damage(60), ['checksum is wrong']);
  assert.ok(damage(4).includes('IPv4 header checksum is wrong'));
});

test('a receive buffer that was set before connect() decides the window scale of the SYN', () => {
  const text = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_RCVBUF, [20000], 4) = 0
+0 fcntl(3, F_SETFL, O_NONBLOCK) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS (x)
+0 > S 0:0(0) win 18980 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 0>`;
  assert.equal(drill('t', text).text, '');
});

test('a helper that calls itself comes to an end', () => {
  let reads = 0;
  const read = (): string => {
    reads++;
    return './x.sh\n';
  };
  assert.equal(drill('t', `\`./x.sh\`\n${OPEN}`, { read }).text, '');
  assert.ok(reads > 1 && reads < 10, String(reads));
});

test("the script's numbers and timestamps become those on the wire", () => {
  const seen: Seen[] = [];
  const open = OPEN.replace('<mss 1000>', '<mss 1000,sackOK,TS val 7 ecr 0>')
    .replace('<mss 1460>', '<mss 1460,sackOK,TS val 100 ecr 7>')
    .replace('ack 1 win 32792\n+0 accept', 'ack 1 win 32792 <nop,nop,TS val 8 ecr 100>\n+0 accept');
  const text = `+0 write(4, ..., 3000) = 3000
+0 > . 1:989(988) ack 1 <nop,nop,TS val 200 ecr 8>
+0 > . 989:1977(988) ack 1 <...>
+0 > . 1977:2965(988) ack 1 <...>
+0 < . 1:1(0) ack 1 win 32792 <nop,nop,TS val 9 ecr 200,nop,nop,sack 989:1977>
+0 < . 1:1(0) ack 1 win 32792 <nop,nop,TS val 9 ecr 230>
+0 < icmp unreachable host_unreachable [989:1977(988)]`;
  assert.equal(drill('t', open + text, { onPacket: (one) => seen.push(one) }).text, '');
  const packets = seen.map(({ bytes }) => decode(bytes));
  const [syn, data] = [packets[1]!, packets[3]!];
  const iss = syn.tcp!.seq;
  const stamp = (p: typeof syn) => p.tcp!.options.find((option) => option.kind === 'TS')!;
  const inbound = packets.filter((_, i) => seen[i]!.inbound);
  const [, first, sacked, later, icmp] = inbound;
  assert.equal(stamp(first!).ecr, stamp(syn).val);
  assert.equal(first!.tcp!.ack, (iss + 1) % 2 ** 32);
  assert.equal(stamp(sacked!).ecr, stamp(data).val);
  // A TS val that the script has not named is as far from the first as the script says.
  assert.equal(stamp(later!).ecr, (stamp(syn).val! + 130) % 2 ** 32);
  const sack = sacked!.tcp!.options.find((option) => option.kind === 'sack');
  assert.deepEqual(sack?.blocks, [[(iss + 989) % 2 ** 32, (iss + 1977) % 2 ** 32]]);
  const quoted = seen.filter(({ inbound: into }) => into).at(-1)!.bytes;
  assert.equal(icmp!.icmp!.type, 3);
  assert.equal(new DataView(quoted.buffer).getUint32(20 + 8 + 20 + 4), (iss + 989) % 2 ** 32);
});
