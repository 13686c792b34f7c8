// Both ends of a connection, as the outer floors ask for them.
// Filled by tcp.ts; read by socket, host and sim; calls nothing.

/** Both ends of a connection: registers that endpoints() fills. Addresses are four int32 words, IPv4 mapped. */
export class Endpoints {
  iface = 0;
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  localPort = 0;
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  remotePort = 0;
}
