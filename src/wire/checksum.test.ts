// The Internet checksum: WASM and plain code against a slow reference, joining, updating, the generated file.
// Run by node:test.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { random, randomBytes, unhex } from './bounded.test-support.ts';
import {
  Checksum,
  combine,
  fold,
  pseudo4,
  pseudo4At,
  pseudo6At,
  pseudo6Cells,
  sumPlain,
  update16,
  update32,
} from './checksum.ts';
import { putIp4Header } from './ip4.ts';
import { putIp6Dst, putIp6Header, putIp6Src } from './ip6.ts';

/** RFC 1071 word for word, in big integers: no overflow, no trick. */
function reference(b: Uint8Array, o: number, n: number): number {
  let sum = 0n;
  for (let i = 0; i < n; i += 2) sum += BigInt(b[o + i]! * 256 + (i + 1 < n ? b[o + i + 1]! : 0));
  while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum);
}

const PAGES = 64;
const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
const bytes = new Uint8Array(memory.buffer);
bytes.set(randomBytes(random(1), 70_000));
const wasm = new Checksum(memory);
const plain = new Checksum(memory, false);

/** All ways to the sum of a range agree with the reference. */
function agree(o: number, n: number): void {
  const wanted = reference(bytes, o, n);
  assert.equal(wasm.sum(o, n), wanted, `wasm at ${o}, ${n} bytes`);
  assert.equal(plain.sum(o, n), wanted, `plain at ${o}, ${n} bytes`);
  assert.equal(sumPlain(bytes, o, n), wanted, `sumPlain at ${o}, ${n} bytes`);
}

test('this engine has WASM SIMD, and plain code where it is asked for', () => {
  assert.equal(wasm.simd, true);
  assert.equal(plain.simd, false);
});

describe('sum', () => {
  test('of every length 0..300 at every alignment is the reference', () => {
    for (let o = 0; o < 17; o++) for (let n = 0; n <= 300; n++) agree(o, n);
  });

  test('of the example in RFC 1071 section 3 is ddf2', () => {
    const b = unhex('0001 f203 f4f5 f6f7');
    assert.equal(sumPlain(b, 0, 8), 0xddf2);
  });

  test('of long ranges is the reference', () => {
    for (const n of [1459, 1460, 1461, 4096, 9001, 65535, 65536, 65537, 69_000]) for (const o of [0, 1, 7]) agree(o, n);
  });

  test('of megabytes of ones and of zeros loses no carry', () => {
    const n = (PAGES - 1) * 65536;
    for (const value of [0xff, 0x00]) {
      const big = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
      new Uint8Array(big.buffer).fill(value);
      const wanted = value === 0 ? 0 : 0xffff;
      for (const length of [n, n - 2, (1 << 18) - 2, 1 << 18, (1 << 18) + 98]) {
        assert.equal(new Checksum(big).sum(1, length), wanted);
        assert.equal(new Checksum(big, false).sum(1, length), wanted);
        assert.equal(sumPlain(new Uint8Array(big.buffer), 1, length), wanted);
      }
    }
  });

  test('of random megabytes by WASM and plain code is the same', () => {
    const next = random(5);
    const big = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    const b = new Uint8Array(big.buffer);
    b.set(randomBytes(next, 65536));
    for (let length = 65536; length < b.length; length *= 2) b.copyWithin(length, 1, length);
    const [x, y] = [new Checksum(big), new Checksum(big, false)];
    for (let turn = 0; turn < 10; turn++) {
      const o = next(1000);
      const n = (1 << 20) + next(b.length - (1 << 20) - 1000);
      assert.equal(x.sum(o, n), y.sum(o, n), `at ${o}, ${n} bytes`);
      assert.equal(x.sum(o, n), sumPlain(b, o, n), `at ${o}, ${n} bytes`);
    }
  });

  test('reaches to the last byte of the memory and not beyond', () => {
    for (let n = 0; n < 70; n++) agree(bytes.length - n, n);
    for (const sums of [wasm, plain]) assert.throws(() => sums.sum(bytes.length - 8, 9), Error);
  });
});

describe('copySum', () => {
  test('copies exactly its range and returns its sum, at every alignment of both', () => {
    const to = 200_000;
    for (const sums of [wasm, plain]) {
      for (let n = 0; n <= 200; n++) {
        for (const [a, b] of [
          [0, 0],
          [1, 0],
          [0, 1],
          [3, 2],
        ] as const) {
          bytes.fill(0xa5, to - 8, to + n + 64);
          assert.equal(sums.copySum(to + a, b, n), reference(bytes, b, n));
          assert.deepEqual(bytes.slice(to + a, to + a + n), bytes.slice(b, b + n));
          assert.ok(bytes.slice(to - 8, to + a).every((byte) => byte === 0xa5));
          assert.ok(bytes.slice(to + a + n, to + n + 64).every((byte) => byte === 0xa5));
        }
      }
      assert.equal(sums.copySum(to, 5, 65_000), reference(bytes, 5, 65_000));
      assert.deepEqual(bytes.slice(to, to + 65_000), bytes.slice(5, 65_005));
    }
  });
});

describe('fallback', () => {
  test('a shared memory, which the module cannot take, is summed by plain code', () => {
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    new Uint8Array(shared.buffer).set(unhex('0001f203f4f5f6f7'));
    const sums = new Checksum(shared);
    assert.equal(sums.simd, false);
    assert.equal(sums.sum(0, 8), 0xddf2);
  });
});

describe('joining', () => {
  test('two pieces give the sum of the whole, wherever the cut is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (b, at) => {
        const cut = Math.min(at, b.length);
        const joined = combine(sumPlain(b, 0, cut), sumPlain(b, cut, b.length - cut), (cut & 1) === 1);
        assert.equal(joined, reference(b, 0, b.length));
      }),
      { numRuns: 2000 },
    );
  });

  test('many odd pieces in a row', () => {
    const next = random(9);
    for (let turn = 0; turn < 200; turn++) {
      let sum = 0;
      let at = 0;
      while (at < 3000) {
        const n = next(50);
        sum = combine(sum, wasm.sum(at, n), (at & 1) === 1);
        at += n;
      }
      assert.equal(sum, reference(bytes, 0, at));
    }
  });

  test('fold is the sum of the halves until it fits', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (total) => {
        assert.equal(fold(total), total === 0 ? 0 : ((total - 1) % 0xffff) + 1);
      }),
    );
  });
});

describe('pseudo-headers', () => {
  test('IPv4: from addresses and from the header are the sum of its twelve bytes', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.nat(255), fc.nat(65535), (src, dst, protocol, length) => {
        const b = new Uint8Array(20);
        putIp4Header(b, 0, 0, 20, 0, 0, 64, protocol, src, dst);
        const pseudo = new Uint8Array([...b.subarray(12, 20), 0, protocol, length >> 8, length]);
        assert.equal(pseudo4(src, dst, protocol, length), reference(pseudo, 0, 12));
        assert.equal(pseudo4At(b, 0, protocol, length), reference(pseudo, 0, 12));
      }),
    );
  });

  test('IPv6: from cells and from the header are the sum of its forty bytes', () => {
    const words = fc.array(fc.integer(), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(words, fc.nat(255), fc.nat(0xffffff), (w, protocol, length) => {
        const b = new Uint8Array(40);
        putIp6Header(b, 0, 0, 0, 0, 0, 0);
        putIp6Src(b, 0, w[0]!, w[1]!, w[2]!, w[3]!);
        putIp6Dst(b, 0, w[4]!, w[5]!, w[6]!, w[7]!);
        const tail = [0, length >> 16, length >> 8, length, 0, 0, 0, protocol];
        const pseudo = new Uint8Array([...b.subarray(8, 40), ...tail]);
        assert.equal(pseudo6At(b, 0, protocol, length), reference(pseudo, 0, 40));
        assert.equal(pseudo6Cells(Int32Array.of(9, ...w), 1, 5, protocol, length), reference(pseudo, 0, 40));
      }),
    );
  });
});

describe('updating (RFC 1624)', () => {
  /** A packet whose word 0 is its checksum: its bytes. */
  function sealed(words: readonly number[]): Uint8Array {
    const b = new Uint8Array(2 * words.length + 2);
    for (const [i, w] of words.entries()) b.set([w >> 8, w & 255], 2 * i + 2);
    const checksum = ~reference(b, 0, b.length) & 0xffff;
    b.set([checksum >> 8, checksum & 255], 0);
    return b;
  }
  const value = fc.oneof(fc.constantFrom(0, 0xffff, 1, 0xfffe, 0x8000), fc.nat(0xffff));

  test('a changed word gives the checksum of the changed packet, unless that packet is all zeros', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), value, (words, after) => {
        const changed = [after, ...words.slice(1)];
        fc.pre(changed.some((w) => w !== 0));
        const b = sealed(words);
        const fresh = sealed(changed);
        assert.equal(update16((b[0]! << 8) | b[1]!, words[0]!, after), (fresh[0]! << 8) | fresh[1]!);
      }),
      { numRuns: 3000 },
    );
  });

  test('two changed words as one int32', () => {
    fc.assert(
      fc.property(value, value, value, value, value, (x, y, rest, p, q) => {
        const b = sealed([x, y, rest | 1]);
        const updated = update32((b[0]! << 8) | b[1]!, (x << 16) | y, (p << 16) | q);
        const fresh = sealed([p, q, rest | 1]);
        assert.equal(updated, (fresh[0]! << 8) | fresh[1]!);
      }),
      { numRuns: 3000 },
    );
  });

  test('the example of section 4, where equation 2 goes wrong: 0x0000, not 0xffff', () => {
    assert.equal(update16(0xdd2f, 0x5555, 0x3285), 0x0000);
  });

  test('no change is no change', () => {
    for (const checksum of [0, 1, 0x7fff, 0xfffe]) {
      for (const w of [0, 0x1234, 0xffff]) assert.equal(update16(checksum, w, w), checksum);
      assert.equal(update32(checksum, -5, -5), checksum);
    }
  });
});

test('checksum-wasm.ts is what scripts/build-wasm.mjs makes of checksum.as.ts', async (t) => {
  // The built test lies deeper than the source: go up until the script is there.
  let root = dirname(fileURLToPath(import.meta.url));
  const exists = (path: string): boolean => {
    try {
      readFileSync(path);
      return true;
    } catch {
      return false;
    }
  };
  while (!exists(join(root, 'scripts/build-wasm.mjs')) && root !== dirname(root)) root = dirname(root);
  try {
    import.meta.resolve('assemblyscript/asc');
    await import('assemblyscript/asc' as string);
  } catch {
    t.skip('assemblyscript is not installed');
    return;
  }
  const script = await import(pathToFileURL(join(root, 'scripts/build-wasm.mjs')).href);
  assert.equal(await script.generate(root), readFileSync(join(root, 'src/wire/checksum-wasm.ts'), 'utf8'));
});
