// Tests of the web server on ring3's own stack: the common suite, between two stacks on a memory link.
// Run by node:test; calls suite.test-support.ts over ring3/net.

import { ring3Stack } from './served.test-support.ts';
import { webSuite } from './suite.test-support.ts';

webSuite("ring3's stack", ring3Stack);
