// Explicit congestion notification: agreeing on it, the receiver's echo, how packets are marked (RFC 3168 section 6.1).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { F2_CWR_DUE, OPT_TOS } from './flags.ts';
import { Peer, type ProbeOptions } from './probe.test-support.ts';
import { TCB_BYTES, TCB_FIELDS } from './tcb.ts';

const CE = 3;
const ECT0 = 2;

/** A connection on which ECN was agreed, opened by the peer. */
function agreed(o: ProbeOptions = {}): Peer {
  const p = new Peer(o);
  p.listen();
  p.inject('SEW', { mss: 1460, sackOK: true });
  p.expect('SAE');
  p.inject('A');
  p.accept();
  return p;
}

/** Whether new text of the stack is sent as ECN-capable. */
function capable(p: Peer): boolean {
  p.write('x');
  return (p.expect('A').tos & 3) === ECT0;
}

/** What the ACK step does upon ECE, in the row of the connection (the second: the first is the listener). */
function cwrDue(p: Peer): void {
  const { arena } = p.probe.stack.core;
  const { offset } = arena.regions().find(({ name }) => name === 'tcp.rows')!;
  arena.i32[((offset + 2 * TCB_BYTES) >> 2) + TCB_FIELDS.flags2!.cell!]! |= F2_CWR_DUE;
}

describe('agreeing (section 6.1.1)', () => {
  for (const [tcpEcn, flags, ecn, answer] of [
    [2, 'SEW', 0, 'SAE'],
    [1, 'SEW', 0, 'SAE'],
    [0, 'SEW', 0, 'SA'],
    [2, 'SE', 0, 'SA'],
    [2, 'SW', 0, 'SA'],
    [2, 'S', 0, 'SA'],
    [2, 'SEW', ECT0, 'SA'],
  ] as const) {
    test(`setting ${tcpEcn}: ${flags} with codepoint ${ecn} is answered by ${answer}`, () => {
      const p = new Peer({ settings: { tcpEcn } });
      p.listen();
      p.inject(flags, { ecn });
      p.expect(answer, { ecn: 0 });
      p.inject('A');
      p.accept();
      assert.equal(capable(p), answer === 'SAE');
    });
  }

  for (const [answer, ok] of [
    ['SAE', true],
    ['SA', false],
    ['SAEW', false],
    ['SAW', false],
  ] as const) {
    test(`a SYN that offers it, and ${answer}: ${ok ? 'agreed' : 'not agreed'}`, () => {
      const p = new Peer({ settings: { tcpEcn: 1 } });
      p.h = p.tcp.connect(0, 0, 0, 0, 0, ...p.words, p.port, 0);
      p.probe.settle();
      p.expect('SEW', { ecn: 0 });
      p.inject(answer, { mss: 1460 });
      p.expect('A', { ecn: 0 });
      assert.equal(capable(p), ok);
      p.inject('A', { data: 100, ecn: CE });
      p.advance(50_000);
      p.expect(ok ? 'AE' : 'A');
    });
  }

  test('by default our SYN does not offer it', () => {
    const p = new Peer();
    p.connect();
    p.inject('SAE');
    p.expect('A');
    assert.ok(!capable(p));
  });

  test('a SYN that is sent again does not; agreed on by the first, marks are echoed, but we send none (section 6.1.1.1)', () => {
    const p = new Peer({ settings: { tcpEcn: 1 } });
    p.h = p.tcp.connect(0, 0, 0, 0, 0, ...p.words, p.port, 0);
    p.probe.settle();
    p.expect('SEW');
    p.advance(1_000_000);
    p.expect('S');
    p.inject('SAE', { mss: 1460 });
    p.expect('A');
    assert.ok(!capable(p));
    p.inject('A', { data: 100, ecn: CE });
    p.advance(50_000);
    p.expect('AE');
  });

  test('the peer’s SYN again, without: not agreed', () => {
    const p = new Peer();
    p.listen();
    p.inject('SEW', { mss: 1460 });
    p.expect('SAE');
    p.inject('S', { mss: 1460, seq: 0 });
    p.expect('SA');
    p.inject('A');
    p.accept();
    assert.ok(!capable(p));
  });

  test('a SYN-ACK that is sent again still agrees', () => {
    const p = new Peer();
    p.listen();
    p.inject('SEW');
    p.expect('SAE');
    p.advance(1_000_000);
    p.expect('SAE');
  });
});

describe('the receiver (section 6.1.3)', () => {
  test('echoes a mark at once and in every ACK until CWR comes', () => {
    const p = agreed();
    p.inject('A', { data: 100, ecn: CE });
    p.expect('AE', { ack: 101 });
    p.inject('A', { data: 1460, ecn: ECT0 });
    p.inject('A', { data: 1460, ecn: ECT0 });
    p.expect('AE', { ack: 3021 });
    p.write('data');
    p.expect('AE', { data: 'data' });
    p.inject('AW', { data: 10, ecn: ECT0 });
    p.expect('A', { ack: 3031 });
    p.inject('A', { data: 1460, ecn: ECT0 });
    p.inject('A', { data: 1460, ecn: ECT0 });
    p.expect('A', { ack: 5951 });
  });

  test('begins again with a mark on the very segment that bears CWR', () => {
    const p = agreed();
    p.inject('A', { data: 100, ecn: CE });
    p.expect('AE');
    p.inject('AW', { data: 100, ecn: CE });
    p.expect('AE');
  });

  test('looks at segments out of order and at duplicates of what is held, not at what lies below the window (section 6.1.5)', () => {
    const p = agreed();
    p.inject('A', { data: 100 });
    p.advance(50_000);
    p.expect('A');
    p.inject('A', { seq: 51, data: 50, ecn: CE });
    p.expect('A', { sack: [[51, 101]] });
    p.inject('A', { seq: 201, data: 100 });
    p.expect('A');
    p.inject('A', { seq: 201, data: 100, ecn: CE });
    p.expect('AE');
  });

  test('does not echo what was not agreed on', () => {
    const p = new Peer().establish();
    p.inject('A', { data: 100, ecn: CE });
    p.advance(50_000);
    p.expect('A');
  });
});

describe('our packets', () => {
  for (const v6 of [false, true]) {
    test(`new text is ECT(0); ACKs, probes, FINs and resets are not (sections 6.1.4 and 6.1.6), over IPv${v6 ? 6 : 4}`, () => {
      const p = agreed({ v6 });
      p.write('text');
      p.expect('A', { ecn: ECT0, data: 'text' });
      p.inject('A', { data: 1460 });
      p.inject('A', { data: 1460 });
      p.expect('A', { ecn: 0 });
      p.inject('A', { win: 0 });
      p.write('y');
      p.advance(400_000);
      p.expect('A', { ecn: 0, length: 0 });
      p.win = 0;
      p.abort();
      p.expect('RA', { ecn: 0 });
      const q = agreed({ v6 });
      q.shutdown();
      q.expect('FA', { ecn: 0 });
    });
  }

  test('a retransmission is not ECT (section 6.1.5)', () => {
    const p = agreed();
    p.write('text');
    p.expect('A', { ecn: ECT0 });
    p.advance(1_500_000);
    for (const s of p.take()) assert.equal(s.tos & 3, 0);
  });

  test('the DSCP of the socket stays', () => {
    const p = agreed();
    p.tcp.set(p.h, OPT_TOS, 0xb8);
    p.write('text');
    assert.equal(p.expect('A').tos, 0xba);
    p.inject('A', { data: 1, seq: 5 });
    assert.equal(p.expect('A').tos, 0xb8);
  });

  test('CWR goes with the next new text, once, and not with a retransmission', () => {
    const p = agreed();
    p.write('a');
    p.expect('A');
    cwrDue(p);
    p.advance(1_500_000);
    for (const s of p.take()) assert.ok(!s.flags.includes('W'));
    p.inject('A');
    p.write('b');
    p.expect('AW', { data: 'b' });
    p.inject('A');
    p.write('c');
    p.expect('A', { data: 'c' });
  });
});
