// Drop reasons: why a packet was not used. One table; the numbers index the counters and are stable once released.
// Called by every layer that can refuse a packet and by whatever prints counters; calls nothing.
//
// To append: add the constant with the next number, and its line at the END of DROP_TABLE. The test beside this file
// checks that constants and table agree and leave no gap.

// Any format.
/** The bytes end before the header does. */
export const DROP_SHORT = 1;
export const DROP_BAD_VERSION = 2;
export const DROP_BAD_HEADER_LENGTH = 3;
export const DROP_BAD_LENGTH = 4;
export const DROP_BAD_CHECKSUM = 5;
export const DROP_BAD_OPTION = 6;
export const DROP_MALFORMED = 7;
// Link and Ethernet.
export const DROP_UNKNOWN_ETHERTYPE = 8;
export const DROP_VLAN = 9;
export const DROP_NOT_OURS = 10;
export const DROP_LINK_ERROR = 11;
export const DROP_LINK_FULL = 12;
// Resources.
export const DROP_NO_MEMORY = 13;
export const DROP_RATE_LIMIT = 14;
// ARP and NDP.
export const DROP_ARP_FORMAT = 15;
export const DROP_NDP_INVALID = 16;
export const DROP_NEIGHBOUR_QUEUE_FULL = 17;
export const DROP_NEIGHBOUR_UNREACHABLE = 18;
// IP.
export const DROP_MARTIAN = 19;
export const DROP_UNKNOWN_PROTOCOL = 20;
export const DROP_SOURCE_ROUTE = 21;
export const DROP_HOP_LIMIT = 22;
export const DROP_UNREACHABLE = 23;
export const DROP_TOO_BIG = 24;
export const DROP_EXTENSION_ORDER = 25;
export const DROP_EXTENSION_LIMIT = 26;
export const DROP_ROUTING_HEADER = 27;
// Fragments.
export const DROP_FRAGMENT_OVERLAP = 28;
export const DROP_FRAGMENT_TIMEOUT = 29;
export const DROP_FRAGMENT_LIMIT = 30;
export const DROP_FRAGMENT_LENGTH = 31;
export const DROP_FRAGMENT_HEADERS = 32;
// ICMP.
export const DROP_ICMP_UNKNOWN = 33;
export const DROP_ICMP_QUOTE = 34;
// Sockets in general.
export const DROP_NO_SOCKET = 35;
export const DROP_SOCKET_FULL = 36;
// TCP.
export const DROP_TCP_BAD_SEQ = 37;
export const DROP_TCP_BAD_ACK = 38;
export const DROP_TCP_OLD_ACK = 39;
export const DROP_TCP_PAWS = 40;
export const DROP_TCP_RST = 41;
export const DROP_TCP_BAD_FLAGS = 42;
export const DROP_TCP_NO_ACK = 43;
export const DROP_TCP_SYN_IN_WINDOW = 44;
export const DROP_TCP_CHALLENGE = 45;
export const DROP_TCP_CLOSED = 46;
export const DROP_TCP_LISTEN_OVERFLOW = 47;
export const DROP_TCP_RCV_BUFFER_FULL = 48;
export const DROP_TCP_OUT_OF_ORDER_LIMIT = 49;
export const DROP_TCP_DUPLICATE = 50;
export const DROP_TCP_AFTER_CLOSE = 51;

/** One row of the table. `name` is a metric label value: snake_case, stable. `meaning` is one line for people. */
export interface DropReason {
  readonly code: number;
  readonly name: string;
  readonly meaning: string;
}

function row(code: number, name: string, meaning: string): DropReason {
  return { code, name, meaning };
}

/** Every reason, in order of its code, without gaps; `DROP_TABLE[code - 1]` is the row of `code`. */
export const DROP_TABLE: readonly DropReason[] = [
  row(DROP_SHORT, 'short', 'the bytes end before the header does'),
  row(DROP_BAD_VERSION, 'bad_version', 'the IP version does not fit the frame type'),
  row(DROP_BAD_HEADER_LENGTH, 'bad_header_length', 'the header length is below its minimum or beyond the packet'),
  row(DROP_BAD_LENGTH, 'bad_length', 'the length field does not fit the bytes that came'),
  row(DROP_BAD_CHECKSUM, 'bad_checksum', 'the checksum is wrong'),
  row(DROP_BAD_OPTION, 'bad_option', 'an option is malformed, or unknown and asks for the packet to be discarded'),
  row(DROP_MALFORMED, 'malformed', 'a field has a value that the format forbids'),
  row(DROP_UNKNOWN_ETHERTYPE, 'unknown_ethertype', 'the frame carries a protocol that is not spoken here'),
  row(DROP_VLAN, 'vlan', 'the frame bears a VLAN tag'),
  row(DROP_NOT_OURS, 'not_ours', 'the destination address is not one of ours'),
  row(DROP_LINK_ERROR, 'link_error', 'the link refused or lost the frame'),
  row(DROP_LINK_FULL, 'link_full', 'the queue of the link is full'),
  row(DROP_NO_MEMORY, 'no_memory', 'a pool is empty'),
  row(DROP_RATE_LIMIT, 'rate_limit', 'answering would exceed a rate limit'),
  row(DROP_ARP_FORMAT, 'arp_format', 'an ARP packet that is not for IPv4 on Ethernet, or has an unknown operation'),
  row(DROP_NDP_INVALID, 'ndp_invalid', 'a neighbour discovery message fails the validity rules of RFC 4861'),
  row(DROP_NEIGHBOUR_QUEUE_FULL, 'neighbour_queue_full', 'too many packets wait for the address of a neighbour'),
  row(DROP_NEIGHBOUR_UNREACHABLE, 'neighbour_unreachable', 'the neighbour does not answer'),
  row(DROP_MARTIAN, 'martian', 'a source or destination address that may not appear here'),
  row(DROP_UNKNOWN_PROTOCOL, 'unknown_protocol', 'the packet carries an upper protocol that is not spoken here'),
  row(DROP_SOURCE_ROUTE, 'source_route', 'an IPv4 source route option'),
  row(DROP_HOP_LIMIT, 'hop_limit', 'the hop limit or time to live is used up'),
  row(DROP_UNREACHABLE, 'unreachable', 'there is no route to the destination'),
  row(DROP_TOO_BIG, 'too_big', 'the packet exceeds the path MTU and may not be fragmented'),
  row(DROP_EXTENSION_ORDER, 'extension_order', 'an IPv6 hop-by-hop header that is not the first extension header'),
  row(DROP_EXTENSION_LIMIT, 'extension_limit', 'more IPv6 extension headers or options than are read'),
  row(DROP_ROUTING_HEADER, 'routing_header', 'an IPv6 routing header with segments left'),
  row(DROP_FRAGMENT_OVERLAP, 'fragment_overlap', 'a fragment overlaps another one of its packet'),
  row(DROP_FRAGMENT_TIMEOUT, 'fragment_timeout', 'the other fragments did not come in time'),
  row(DROP_FRAGMENT_LIMIT, 'fragment_limit', 'too many fragments or packets are being reassembled'),
  row(
    DROP_FRAGMENT_LENGTH,
    'fragment_length',
    'a fragment that is empty, not a multiple of 8 bytes, or ends beyond 65535',
  ),
  row(DROP_FRAGMENT_HEADERS, 'fragment_headers', 'a first IPv6 fragment without all headers'),
  row(DROP_ICMP_UNKNOWN, 'icmp_unknown', 'an ICMP type or code that is not used here'),
  row(DROP_ICMP_QUOTE, 'icmp_quote', 'an ICMP error quotes nothing that belongs to us'),
  row(DROP_NO_SOCKET, 'no_socket', 'nothing listens at the destination port'),
  row(DROP_SOCKET_FULL, 'socket_full', 'the receive buffer of the socket is full'),
  row(DROP_TCP_BAD_SEQ, 'tcp_bad_seq', 'a segment outside the receive window'),
  row(DROP_TCP_BAD_ACK, 'tcp_bad_ack', 'a segment acknowledges what was never sent'),
  row(DROP_TCP_OLD_ACK, 'tcp_old_ack', 'an acknowledgement older than any window sent'),
  row(DROP_TCP_PAWS, 'tcp_paws', 'a timestamp older than the last one (RFC 7323)'),
  row(DROP_TCP_RST, 'tcp_rst', 'a reset that may not be obeyed'),
  row(DROP_TCP_BAD_FLAGS, 'tcp_bad_flags', 'flags that make no segment'),
  row(DROP_TCP_NO_ACK, 'tcp_no_ack', 'a segment without the ACK bit on a synchronised connection'),
  row(DROP_TCP_SYN_IN_WINDOW, 'tcp_syn_in_window', 'a SYN on a synchronised connection'),
  row(DROP_TCP_CHALLENGE, 'tcp_challenge', 'answered by a challenge ACK and not used (RFC 5961)'),
  row(DROP_TCP_CLOSED, 'tcp_closed', 'no connection and no listener; answered by a reset'),
  row(DROP_TCP_LISTEN_OVERFLOW, 'tcp_listen_overflow', 'the backlog of the listener is full'),
  row(DROP_TCP_RCV_BUFFER_FULL, 'tcp_rcv_buffer_full', 'there is no room for the data of a segment'),
  row(DROP_TCP_OUT_OF_ORDER_LIMIT, 'tcp_out_of_order_limit', 'too many separate ranges wait out of order'),
  row(DROP_TCP_DUPLICATE, 'tcp_duplicate', 'a segment whose data had all come before'),
  row(DROP_TCP_AFTER_CLOSE, 'tcp_after_close', 'data for a connection that the application has closed'),
];

/** How many counters an array indexed by drop reason needs (index 0, "not dropped", included). */
export const DROP_COUNT: number = DROP_TABLE.length + 1;

/** The metric name of a reason, or `unknown`. */
export function dropName(code: number): string {
  return DROP_TABLE[code - 1]?.name ?? 'unknown';
}
