// Tests of the web server on the kernel's stack: the common suite.
// Run by node:test; calls suite.test-support.ts over node:net on 127.0.0.1.

import { kernelStack } from './served.test-support.ts';
import { webSuite } from './suite.test-support.ts';

webSuite("the kernel's stack", kernelStack);
