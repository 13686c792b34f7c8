// A certificate of one's own, for tests of HTTPS.
// Called by tests behind needs({ programs: ['openssl'] }); calls openssl.

import { join } from 'node:path';
import { runOk } from './run.ts';

/** Makes a key and a self-signed certificate for IP addresses in `folder`; returns their paths. */
export async function makeCertificate(
  folder: string,
  ...addresses: string[]
): Promise<{ certificate: string; key: string }> {
  const certificate = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  const names = addresses.map((address) => `IP:${address}`).join(',');
  await runOk('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=ring3 test', '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', certificate],
  ]);
  return { certificate, key };
}
