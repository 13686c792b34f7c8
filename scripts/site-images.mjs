// Draws the pictures of the example site: PNG files and the favicon, from formulas.
// Run by hand after a change (node scripts/site-images.mjs); test/site.test.ts compares what is checked in with pictures().

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { deflateSync } from 'node:zlib';

const SITE = join(dirname(fileURLToPath(import.meta.url)), '..', 'examples', 'site');
/** Samples a pixel, in each direction: smooth edges. */
const SAMPLES = 3;

const PAPER = [246, 244, 238];
const INK = [34, 40, 49];
const RINGS = [
  [214, 73, 51], // ring 0
  [242, 153, 74],
  [242, 201, 76],
  [47, 128, 137], // ring 3
];

/** The pictures by file name: width, height, and the pixels as RGB bytes. */
export function pictures() {
  return {
    'images/rings.png': draw(720, 405, rings(720, 405)),
    'images/window.png': draw(720, 405, congestionWindow(720, 405)),
    'images/icon.png': draw(64, 64, icon(64)),
  };
}

/** Colours every pixel by the mean of its samples; `shade(x, y)` gives the colour [r, g, b] at a point. */
function draw(width, height, shade) {
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sum = [0, 0, 0];
      for (let s = 0; s < SAMPLES * SAMPLES; s++) {
        const colour = shade(x + ((s % SAMPLES) + 0.5) / SAMPLES, y + (Math.floor(s / SAMPLES) + 0.5) / SAMPLES);
        for (let c = 0; c < 3; c++) sum[c] += colour[c];
      }
      for (let c = 0; c < 3; c++) pixels[(y * width + x) * 3 + c] = Math.round(sum[c] / (SAMPLES * SAMPLES));
    }
  }
  return { width, height, pixels };
}

/** The protection rings of a processor: 0, the kernel's, in the middle; 3, where programs run, outermost; packets on their way. */
function rings(width, height) {
  const cx = width * 0.5;
  const cy = height * 0.5;
  const radius = [0.12, 0.22, 0.32, 0.43].map((part) => part * height);
  const packets = [-0.42, -0.34, -0.26, 0.26, 0.34, 0.42].map((part) => cx + part * width);
  return (x, y) => {
    const d = Math.sqrt((x - cx) ** 2 + (y - cy) ** 2);
    for (let r = 0; r < 4; r++) {
      if (d < radius[r] - 2) return mix(RINGS[r], PAPER, (0.35 * d) / radius[3]);
      if (d < radius[r]) return PAPER;
    }
    const onWire = packets.some((px) => Math.abs(x - px) < 16 && Math.abs(y - cy) < 10);
    if (onWire) return Math.abs(y - cy) > 8 || packets.some((px) => Math.abs(x - px + 6) < 1) ? INK : RINGS[3];
    return Math.abs(y - cy) < 1.2 ? INK : PAPER;
  };
}

/** A congestion window by RFC 5681: slow start, a loss, and then a line up and a half down, again and again. */
function congestionWindow(width, height) {
  const left = 40;
  const bottom = height - 36;
  const window = new Float64Array(width);
  let cwnd = 1;
  let threshold = 40;
  for (let x = left; x < width; x++) {
    cwnd += cwnd < threshold ? cwnd * 0.045 : 0.13;
    if (cwnd > 48) threshold = cwnd /= 2;
    window[x] = cwnd;
  }
  const top = (x) => bottom - (window[Math.min(width - 1, Math.floor(x))] / 56) * (bottom - 20);
  return (x, y) => {
    if ((x >= left - 1.5 && x < left && y <= bottom && y > 12) || (y >= bottom && y < bottom + 1.5 && x >= left))
      return INK;
    if (x < left || y > bottom) return PAPER;
    const at = top(x);
    const before = top(Math.max(left, x - 1));
    if (y > Math.min(at, before) - 1.5 && y < Math.max(at, before) + 1.5) return RINGS[0];
    if (y > at) return mix(RINGS[3], PAPER, 0.35 + (0.5 * (y - at)) / (bottom - at + 1));
    return Math.abs((y - 20) % 60) < 0.6 ? mix(INK, PAPER, 0.85) : PAPER;
  };
}

function icon(size) {
  const c = size / 2;
  return (x, y) => {
    const d = Math.sqrt((x - c) ** 2 + (y - c) ** 2) / c;
    const ring = Math.floor(d * 4);
    return ring > 3 || d * 4 - ring > 0.86 ? PAPER : RINGS[ring];
  };
}

function mix(a, b, part) {
  return a.map((value, c) => value + (b[c] - value) * part);
}

/** The bytes of a PNG file (W3C PNG 3): 8 bits a channel, RGB, every line by its difference to the line above (filter 2). */
function png({ width, height, pixels }) {
  const stride = width * 3;
  const lines = Buffer.alloc((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    lines[y * (stride + 1)] = 2;
    for (let i = 0; i < stride; i++) {
      const above = y === 0 ? 0 : pixels[(y - 1) * stride + i];
      lines[y * (stride + 1) + 1 + i] = pixels[y * stride + i] - above;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** The checksum of PNG's chunks (polynomial 0xedb88320). node:zlib has one only since Node 20.15. */
function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}

/** An icon file that holds one PNG. */
function ico(picture) {
  const data = png(picture);
  const out = Buffer.alloc(22);
  out.set([0, 0, 1, 0, 1, 0, picture.width, picture.height, 0, 0, 1, 0, 24, 0]);
  out.writeUInt32LE(data.length, 14);
  out.writeUInt32LE(22, 18);
  return Buffer.concat([out, data]);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const all = pictures();
  for (const [name, picture] of Object.entries(all)) writeFileSync(join(SITE, name), png(picture));
  writeFileSync(join(SITE, 'favicon.ico'), ico(all['images/icon.png']));
}
