// Lets the coverage-guided fuzzer's native part load where the C library is older than the one that it was linked with.
// Preloaded (node --import) by scripts/fuzz.mjs; calls nothing of ours.
//
// @jazzer.js/fuzzer 4.0.0 asks for glibc 2.38 because of strtol and strtoul, which newer headers call by another name, and for
// a version of libstdc++ of which it uses nothing. Debian 12 has glibc 2.36. So a copy is loaded that asks for less.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SHT_DYNSYM = 11;
const SHT_VERNEED = 0x6ffffffe;
const TOO_NEW = ['GLIBC_2.38', 'GLIBCXX_3.4.32'];
const PREFIX = '__isoc23_';

const load = process.dlopen;
process.dlopen = (module, path, ...rest) => {
  try {
    return load(module, path, ...rest);
  } catch (error) {
    if (process.platform !== 'linux' || !TOO_NEW.some((name) => error.message.includes(name))) throw error;
    return load(module, older(path), ...rest);
  }
};

/** A copy of the shared object at `path` that needs older libraries; returns where it is. */
function older(path) {
  const elf = readFileSync(path);
  const sections = sectionsOf(elf);
  const names = sections.find((s) => s.type === SHT_DYNSYM).link;
  const text = (at) => elf.toString('latin1', sections[names].offset + at, elf.indexOf(0, sections[names].offset + at));
  for (const { type, offset, size, info } of sections) {
    if (type === SHT_DYNSYM) {
      for (let at = offset; at < offset + size; at += 24) {
        const name = elf.readUInt32LE(at);
        if (text(name).startsWith(PREFIX)) elf.writeUInt32LE(name + PREFIX.length, at);
      }
    } else if (type === SHT_VERNEED) {
      for (let n = info, at = offset; n > 0; n--, at += elf.readUInt32LE(at + 12)) relax(elf, at, text);
    }
  }
  const folder = fileURLToPath(new URL('../.build/fuzz', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const copy = join(folder, `addon-${process.arch}.node`);
  writeFileSync(copy, elf);
  return copy;
}

/** ELF64, little endian: the section headers. */
function sectionsOf(elf) {
  const table = Number(elf.readBigUInt64LE(40));
  return Array.from({ length: elf.readUInt16LE(60) }, (_, i) => {
    const at = table + i * elf.readUInt16LE(58);
    return {
      type: elf.readUInt32LE(at + 4),
      offset: Number(elf.readBigUInt64LE(at + 24)),
      size: Number(elf.readBigUInt64LE(at + 32)),
      link: elf.readUInt32LE(at + 40),
      info: elf.readUInt32LE(at + 44),
    };
  });
}

/** What one library is asked for: the versions that are too new become another one that is asked for anyway. */
function relax(elf, need, text) {
  const versions = [];
  for (let n = elf.readUInt16LE(need + 2), at = need + elf.readUInt32LE(need + 8); n > 0; n--) {
    versions.push(at);
    at += elf.readUInt32LE(at + 12);
  }
  const named = (at) => text(elf.readUInt32LE(at + 8));
  const base = versions.find((at) => /^GLIBC_2\.2\.5$|^GLIBCXX_3\.4\.21$/.test(named(at)));
  for (const at of versions) {
    if (!TOO_NEW.includes(named(at))) continue;
    elf.copy(elf, at, base, base + 4); // hash
    elf.copy(elf, at + 8, base + 8, base + 12); // name
  }
}
