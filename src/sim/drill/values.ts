// Values of system calls: read as numbers, lists, structs and addresses.
// Called by the calls; calls errors.ts and base/address.ts.

import type { Field, Value } from './ast.ts';
import { Mismatch } from './errors.ts';
import { type Words, words } from './world.ts';

/** A number; of a list with one, that one; NaN for `...` and what is not given. */
export function numberOf(value: Value | undefined): number {
  if (value === undefined || value.kind === 'any') return Number.NaN;
  if (value.kind === 'number') return value.value;
  if (value.kind === 'list' && value.items.length > 0) return numberOf(value.items[0]);
  if (value.kind === 'call' && /^(htons|htonl|ntohs|ntohl)$/.test(value.name)) return numberOf(value.args[0]);
  if (value.kind === 'symbol') throw new Mismatch(`${value.name} is no symbol of Linux's that is known here`);
  throw new Mismatch('a number is wanted here');
}

/** A number, or what stands for `...`. */
export function numberOr(value: Value | undefined, otherwise: number): number {
  const n = numberOf(value);
  return Number.isNaN(n) ? otherwise : n;
}

/** The text of a string, bare or in a list. */
export function textOf(value: Value | undefined): string | undefined {
  if (value?.kind === 'string') return value.value;
  if (value?.kind === 'list') return textOf(value.items[0]);
  if (value?.kind === 'symbol') return value.name;
  return undefined;
}

/** The member of a struct (bare or first of a list) by one of its names, or by position. */
export function member(value: Value | undefined, position: number, ...names: string[]): Value | undefined {
  const fields = fieldsOf(value);
  const named = fields.find((f) => names.includes(f.name));
  if (named !== undefined) return named.value;
  const at = fields[position];
  return at !== undefined && at.name === '' ? at.value : undefined;
}

/** The members of a struct; none of anything else. */
export function fieldsOf(value: Value | undefined): readonly Field[] {
  if (value?.kind === 'struct') return value.fields;
  if (value?.kind === 'list' && value.items[0]?.kind === 'struct') return value.items[0].fields;
  return [];
}

/** The structs of a list, or one struct alone. */
export function structsOf(value: Value | undefined): Value[] {
  if (value?.kind === 'struct') return [value];
  return value?.kind === 'list' ? value.items.filter((item) => item.kind === 'struct') : [];
}

/** A socket address; undefined members where `...` or nothing is written. */
export function addressOf(value: Value | undefined): { port: number | undefined; address: Words | undefined } {
  let port: number | undefined;
  let address: Words | undefined;
  for (const { name, value: field } of fieldsOf(value)) {
    if (/port$/.test(name)) port = Number.isNaN(numberOf(field)) ? undefined : numberOf(field);
    else if (/addr$/.test(name)) address = hostOf(field);
  }
  return { port, address };
}

function hostOf(value: Value): Words | undefined {
  if (value.kind === 'string') return words(value.value);
  if (value.kind === 'number') return [0, 0, 0xffff, value.value | 0];
  if (value.kind === 'struct' && value.fields[0] !== undefined) return hostOf(value.fields[0].value);
  if (value.kind !== 'call') return undefined;
  const text = value.args.find((arg) => arg.kind === 'string');
  return text === undefined ? (value.args[0] === undefined ? undefined : hostOf(value.args[0])) : hostOf(text);
}
