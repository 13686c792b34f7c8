// The report of `npm test`: Node's own, then the skipped tests with their reasons, then Node's sums as `# pass 12`.
// Called by Node's test runner (--test-reporter); calls node:test/reporters. With RING3_NO_SKIP=1 a skipped test fails the run.

import { spec } from 'node:test/reporters';

const SUM = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* report(source) {
  const sums = [];
  const skipped = [];
  const reporter = new spec();
  const reading = (async () => {
    for await (const event of source) {
      const { data } = event;
      if (event.type === 'test:diagnostic' && data.nesting === 0 && SUM.test(data.message)) sums.push(data.message);
      else {
        if (event.type === 'test:pass' && isSkipped(data.skip)) skipped.push(data);
        if (!reporter.write(event)) await new Promise((resolve) => reporter.once('drain', resolve));
      }
    }
    reporter.end();
  })();
  yield* reporter;
  await reading;

  const strict = process.env.RING3_NO_SKIP === '1';
  if (skipped.length > 0) {
    yield `\nskipped${strict ? ' (not allowed: RING3_NO_SKIP=1)' : ''}:\n`;
    for (const { name, skip, file } of skipped)
      yield `  ${name}: ${skip === true ? 'no reason given' : skip} (${shown(file)})\n`;
    if (strict) process.exitCode = 1;
  }
  yield '\n';
  for (const sum of sums) yield `# ${sum}\n`;
}

/** What --test-name-pattern leaves out is no skipped test. */
function isSkipped(skip) {
  return skip !== undefined && skip !== false && skip !== 'test name does not match pattern';
}

function shown(file) {
  return file === undefined ? 'unknown file' : file.replace(`${process.cwd()}/`, '');
}
