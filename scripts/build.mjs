// `npm run build`, and npm's prepack: packages and build output up to date.
// Called by people and npm; calls setup.mjs.

import { setup } from './setup.mjs';

await setup();
