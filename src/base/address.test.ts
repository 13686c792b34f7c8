// Address text: against Node's own parsers, RFC 5952's examples, and round trips. Run by node:test.

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  formatAddress,
  formatCidr,
  formatIp4,
  formatMac,
  parseAddress,
  parseCidr,
  parseIp4,
  parseMac,
  prefixMask,
} from './address.ts';

/** Parses `text` behind a guard word on either side; returns the words, or undefined. */
function parse(text: string): [number, number, number, number] | undefined {
  const out = new Int32Array(6).fill(-77);
  const ok = parseAddress(text, out, 1);
  assert.equal(out[0], -77);
  assert.equal(out[5], -77);
  if (!ok) assert.deepEqual([...out], new Array(6).fill(-77), 'nothing may be written on failure');
  return ok ? [out[1]!, out[2]!, out[3]!, out[4]!] : undefined;
}

function normal(text: string): string | undefined {
  const words = parse(text);
  return words && formatAddress(...words);
}

const word = fc.oneof(fc.constantFrom(0, 0, 1, 0xffff, 0x10000, -1), fc.integer());

describe('IPv4 text', () => {
  test('is four decimal numbers, mapped', () => {
    assert.deepEqual(parse('10.0.200.1'), [0, 0, 0xffff, (10 << 24) | (200 << 8) | 1]);
    assert.deepEqual(parse('255.255.255.255'), [0, 0, 0xffff, -1]);
    assert.deepEqual(parse('0.0.0.0'), [0, 0, 0xffff, 0]);
  });

  test('is refused with leading zeros, missing or extra parts, other bases, signs, spaces or junk', () => {
    const bad = ['', '.', '1', '1.2.3', '1.2.3.4.5', '1.2.3.', '.1.2.3', '1..2.3', '01.2.3.4', '1.2.3.00', '1.2.3.256'];
    bad.push(
      '0x1.2.3.4',
      '1.2.3.4 ',
      ' 1.2.3.4',
      '1.2.3.4/24',
      '+1.2.3.4',
      '-1.2.3.4',
      '1.2.3.4a',
      '1.2.3.1e1',
      '١.2.3.4',
    );
    bad.push('1.2.3.4\0', '1.2.3.4\n', '99999999999.1.1.1', '2130706433');
    for (const text of bad) assert.equal(parse(text), undefined, JSON.stringify(text));
  });

  test('round trip', () => {
    const out = new Int32Array(1);
    fc.assert(
      fc.property(fc.integer(), (address) => {
        assert.ok(parseIp4(formatIp4(address), out, 0));
        assert.equal(out[0], address);
      }),
    );
  });
});

describe('IPv6 text', () => {
  test('every form of RFC 4291 section 2.2 is read', () => {
    assert.deepEqual(parse('2001:db8::8:800:200c:417a'), [0x20010db8, 0, 0x00080800, 0x200c417a]);
    assert.deepEqual(parse('2001:DB8:0:0:8:800:200C:417A'), [0x20010db8, 0, 0x00080800, 0x200c417a]);
    assert.deepEqual(parse('::'), [0, 0, 0, 0]);
    assert.deepEqual(parse('::1'), [0, 0, 0, 1]);
    assert.deepEqual(parse('1::'), [0x10000, 0, 0, 0]);
    assert.deepEqual(parse('::13.1.68.3'), [0, 0, 0, 0x0d014403]);
    assert.deepEqual(parse('::ffff:129.144.52.38'), [0, 0, 0xffff, 0x81903426 | 0]);
    assert.deepEqual(parse('1:2:3:4:5:6:7.8.9.10'), [0x10002, 0x30004, 0x50006, 0x0708090a]);
  });

  test('the recommended text of RFC 5952 section 4', () => {
    const cases = {
      '2001:0db8::0001': '2001:db8::1',
      '2001:db8:0:0:0:0:2:1': '2001:db8::2:1',
      '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
      '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
      '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
      '2001:DB8::A': '2001:db8::a',
      '0:0:0:0:0:0:0:0': '::',
      '1:0:0:0:0:0:0:0': '1::',
      '::ffff:102:304': '1.2.3.4',
      '::1.2.3.4': '::102:304',
      '::fffe:1.2.3.4': '::fffe:102:304',
    };
    for (const [text, wanted] of Object.entries(cases)) assert.equal(normal(text), wanted, text);
  });

  test('is refused where it is not one', () => {
    const bad = [
      ':',
      ':::',
      '1',
      '1:2',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      ':1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:',
    ];
    bad.push(
      '::12345',
      '::g',
      '1:2:3:4:5:6:7:8::',
      '::1:2:3:4:5:6:7:8',
      'fe80::1%eth0',
      '[::1]',
      '::1/64',
      ' ::1',
      '::1 ',
    );
    bad.push(
      '::1.2.3',
      '::1.2.3.4.5',
      '::1.2.3.4:5',
      '::01.2.3.4',
      '1:2:3:4:5:6:7:1.2.3.4',
      '1.2.3.4::',
      '::256.1.1.1',
      ':1',
    );
    bad.push('::ff.1.1.1', '1:::2', '::1\0', '00000::');
    for (const text of bad) assert.equal(parse(text), undefined, JSON.stringify(text));
  });

  test('format and parse round trip for any words, and the text is what a URL makes of it', () => {
    fc.assert(
      fc.property(word, word, word, word, (w0, w1, w2, w3) => {
        const text = formatAddress(w0, w1, w2, w3);
        assert.deepEqual(parse(text), [w0, w1, w2, w3]);
        if (text.includes(':')) assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
      }),
      { numRuns: 1000 },
    );
  });

  test('accepts exactly what node:net accepts', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      'ff',
      'FFFF',
      '00ab',
      '12345',
      ':',
      '::',
      ':',
      '.',
      '1.2.3.4',
      '255',
      '256',
      '01',
      'g',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 17 }), (pieces) => {
        const text = pieces.join('');
        assert.equal(parse(text) !== undefined, isIP(text) !== 0, text);
      }),
      { numRuns: 5000 },
    );
  });

  test('any text is read or refused without throwing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(parse(text) !== undefined, isIP(text) !== 0)),
    );
  });
});

describe('CIDR text', () => {
  test('keeps the address and counts the prefix in 128 bits', () => {
    const out = new Int32Array(4);
    assert.equal(parseCidr('10.0.0.1/24', out, 0), 120);
    assert.deepEqual([...out], [0, 0, 0xffff, 0x0a000001]);
    assert.equal(parseCidr('0.0.0.0/0', out, 0), 96);
    assert.equal(parseCidr('fd00::1/64', out, 0), 64);
    assert.equal(parseCidr('::/0', out, 0), 0);
    assert.equal(parseCidr('::1/128', out, 0), 128);
    assert.equal(parseCidr('::ffff:1.2.3.4/120', out, 0), 120);
  });

  test('is refused without a prefix, with one too long, or with junk', () => {
    const out = new Int32Array(4).fill(5);
    for (const text of [
      '10.0.0.1',
      '10.0.0.1/',
      '10.0.0.1/33',
      '10.0.0.1/024',
      '10.0.0.1/-1',
      '10.0.0.1/8 ',
      '::1/129',
    ]) {
      assert.equal(parseCidr(text, out, 0), -1, text);
    }
    for (const text of ['/8', '10.0.0/8', '10.0.0.1/24/8', '::1/64/', 'x/8', '10.0.0.1/255.0.0.0']) {
      assert.equal(parseCidr(text, out, 0), -1, text);
    }
    assert.deepEqual([...out], [5, 5, 5, 5]);
  });

  test('round trip', () => {
    const out = new Int32Array(4);
    fc.assert(
      fc.property(word, word, word, word, fc.integer({ min: 0, max: 128 }), (w0, w1, w2, w3, length) => {
        assert.equal(parseCidr(formatCidr(w0, w1, w2, w3, length), out, 0), length);
        assert.deepEqual([...out], [w0, w1, w2, w3]);
      }),
    );
    assert.equal(formatCidr(0, 0, 0xffff, 0x0a000001, 120), '10.0.0.1/24');
  });

  test('the mask of a prefix has that many leading ones', () => {
    for (let length = 0; length <= 128; length++) {
      const bits = [0, 1, 2, 3].map((i) => (prefixMask(length, i) >>> 0).toString(2).padStart(32, '0')).join('');
      assert.equal(bits, '1'.repeat(length) + '0'.repeat(128 - length));
    }
  });
});

describe('MAC text', () => {
  test('round trip', () => {
    const out = new Int32Array(2);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), fc.integer(), (hi, lo) => {
        for (const text of [
          formatMac(hi, lo),
          formatMac(hi, lo).toUpperCase(),
          formatMac(hi, lo).replaceAll(':', '-'),
        ]) {
          assert.ok(parseMac(text, out, 0));
          assert.deepEqual([...out], [hi, lo]);
        }
      }),
    );
    assert.equal(formatMac(0x0200, 0x5e100001), '02:00:5e:10:00:01');
  });

  test('is refused where it is not one', () => {
    const out = new Int32Array(2).fill(9);
    const bad = [
      '',
      '02:00:5e:10:00',
      '02:00:5e:10:00:01:',
      '02:00:5e:10:00-01',
      '2:0:5e:10:0:1:0:00',
      '02:00:5e:10:00:0g',
    ];
    for (const text of [...bad, '02005e100001', '02.00.5e.10.00.01', ' 2:00:5e:10:00:01']) {
      assert.equal(parseMac(text, out, 0), false, text);
    }
    assert.deepEqual([...out], [9, 9]);
  });
});
