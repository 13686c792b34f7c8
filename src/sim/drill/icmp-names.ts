// Names of ICMP types and codes in scripts, for both versions.
// Called by parse-packet.ts and show.ts; calls nothing.

const TYPES_4: Readonly<Record<string, number>> = {
  echo_reply: 0,
  unreachable: 3,
  dest_unreachable: 3,
  source_quench: 4,
  redirect: 5,
  echo: 8,
  echo_request: 8,
  router_advertisement: 9,
  router_solicitation: 10,
  time_exceeded: 11,
  parameter_problem: 12,
  timestamp: 13,
  timestamp_reply: 14,
};

const TYPES_6: Readonly<Record<string, number>> = {
  unreachable: 1,
  dest_unreachable: 1,
  packet_too_big: 2,
  time_exceeded: 3,
  parameter_problem: 4,
  echo_request: 128,
  echo: 128,
  echo_reply: 129,
};

const UNREACHABLE_4: Readonly<Record<string, number>> = {
  net_unreachable: 0,
  host_unreachable: 1,
  protocol_unreachable: 2,
  port_unreachable: 3,
  frag_needed: 4,
  source_route_failed: 5,
  net_unknown: 6,
  host_unknown: 7,
  source_host_isolated: 8,
  net_prohibited: 9,
  host_prohibited: 10,
  net_unreachable_for_tos: 11,
  net_unreach_tos: 11,
  host_unreachable_for_tos: 12,
  host_unreach_tos: 12,
  communication_prohibited: 13,
  packet_filtered: 13,
  admin_prohibited: 13,
  host_precedence_violation: 14,
  precedence_cutoff: 15,
};

const UNREACHABLE_6: Readonly<Record<string, number>> = {
  no_route: 0,
  noroute: 0,
  net_unreachable: 0,
  admin_prohibited: 1,
  communication_prohibited: 1,
  not_neighbour: 2,
  beyond_scope: 2,
  address_unreachable: 3,
  addr_unreachable: 3,
  host_unreachable: 3,
  port_unreachable: 4,
  policy_fail: 5,
  reject_route: 6,
};

const EXCEEDED: Readonly<Record<string, number>> = {
  ttl: 0,
  exceeded_ttl: 0,
  hop_limit: 0,
  fragment: 1,
  exceeded_frag: 1,
  exceeded_fragtime: 1,
  reassembly: 1,
};
const PROBLEM: Readonly<Record<string, number>> = {
  bad_header: 0,
  hdr_field: 0,
  unknown_next_header: 1,
  unk_nexthdr: 1,
  unknown_option: 2,
  unk_option: 2,
};

function look(table: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The number of a type by its name. */
export function icmpTypeByName(version: 4 | 6, name: string): number | undefined {
  return look(version === 4 ? TYPES_4 : TYPES_6, name);
}

/** The number of a code of a type by its name. */
export function icmpCodeByName(version: 4 | 6, type: number, name: string): number | undefined {
  if (version === 4) return look(type === 3 ? UNREACHABLE_4 : type === 11 ? EXCEEDED : {}, name);
  return look(type === 1 ? UNREACHABLE_6 : type === 3 ? EXCEEDED : type === 4 ? PROBLEM : {}, name);
}

/** A type and code for people. */
export function icmpName(version: 4 | 6, type: number, code: number): string {
  const find = (table: Readonly<Record<string, number>>, n: number): string | undefined =>
    Object.keys(table).find((key) => table[key] === n);
  const typeName = find(version === 4 ? TYPES_4 : TYPES_6, type) ?? `type ${type}`;
  const codes = version === 4 ? (type === 3 ? UNREACHABLE_4 : {}) : type === 1 ? UNREACHABLE_6 : {};
  const codeName = find(codes, code) ?? (code === 0 ? '' : `code ${code}`);
  return codeName === '' ? typeName : `${typeName} ${codeName}`;
}
