// Tests of what is said about addresses that a stack on a device cannot have.
// Run by node:test; calls own-address.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOwnAddresses } from './own-address.ts';

test('addresses of hosts pass', () => {
  checkOwnAddresses(['10.3.0.2/24', '10.9.0.0/31', '10.9.0.1/31', '10.8.0.0/32', '10.3.1.0/16', '169.254.1.1/16']);
  checkOwnAddresses(['fd03::2/64', 'fe80::2/64', 'fd04::/127', 'fd05::/128', '2001:db8:1::/32']);
});

const table: [cidr: string, message: RegExp][] = [
  ['10.3.0.2', /with a prefix length/],
  ['10.3.0.255/24', /^--address: 10\.3\.0\.255\/24 is the subnet's broadcast address; choose a host address$/],
  ['10.3.0.3/30', /broadcast/],
  ['10.3.0.0/24', /the subnet's own address/],
  ['127.0.0.1/8', /loopback/],
  ['::1/128', /loopback/],
  ['224.0.0.1/24', /multicast/],
  ['ff02::1/64', /multicast/],
  ['0.0.0.0/0', /reserved/],
  ['255.255.255.255/32', /reserved/],
  ['::/64', /unspecified/],
  ['fd03::/64', /the address of all the subnet's routers/],
  ['::ffff:10.3.0.2/64', /did you mean 10\.3\.0\.2\/24\?/],
];
for (const [cidr, message] of table) {
  test(`${cidr} does not`, () => {
    assert.throws(() => checkOwnAddresses([cidr]), { message, exitCode: 2 });
  });
}

test('one address with two prefix lengths is told', () => {
  assert.throws(() => checkOwnAddresses(['10.3.0.2/24', '10.3.0.2/16']), /10\.3\.0\.2\/24 and 10\.3\.0\.2\/16 are one/);
});
