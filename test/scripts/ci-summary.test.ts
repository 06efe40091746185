import { expect, test } from 'vitest';
import { skippedNames, summarise } from '../../scripts/ci-summary.ts';

const report = (...suites: { status: string; tests: string[] }[]) =>
  JSON.stringify({
    testResults: suites.map(({ status, tests }) => ({
      status,
      assertionResults: tests.map((one) => ({ status: one })),
    })),
  });

test.each([
  ['no report: the runner crashed', undefined, 1, { passed: 0, failed: 1, skipped: 0 }],
  ['no report, exit code 0', undefined, 0, { passed: 0, failed: 1, skipped: 0 }],
  ['half a report', '{"testResults":[', 1, { passed: 0, failed: 1, skipped: 0 }],
  ['something else', '[1]', 0, { passed: 0, failed: 1, skipped: 0 }],
  ['nothing ran', report(), 0, { passed: 0, failed: 1, skipped: 0 }],
  [
    'all well',
    report({ status: 'passed', tests: ['passed', 'passed', 'skipped', 'todo'] }),
    0,
    { passed: 2, failed: 0, skipped: 2 },
  ],
  ['one failed', report({ status: 'failed', tests: ['passed', 'failed'] }), 1, { passed: 1, failed: 1, skipped: 0 }],
  [
    'a file does not load',
    report({ status: 'failed', tests: [] }, { status: 'passed', tests: ['passed'] }),
    1,
    { passed: 1, failed: 1, skipped: 0 },
  ],
  [
    'the linter failed beside passing tests',
    report({ status: 'passed', tests: ['passed'] }),
    1,
    { passed: 1, failed: 1, skipped: 0 },
  ],
  ['only skipped', report({ status: 'passed', tests: ['skipped'] }), 0, { passed: 0, failed: 1, skipped: 1 }],
])('%s', (_name, json, exitCode, expected) => {
  expect(summarise(json, exitCode)).toEqual(expected);
});

test('names what was skipped, so that no gap stays silent', () => {
  const tests = [
    { status: 'passed', fullName: 'runs' },
    { status: 'skipped', fullName: 'units: verify' },
    { status: 'pending', fullName: 'units: security' },
  ];
  const json = JSON.stringify({ testResults: [{ status: 'passed', assertionResults: tests }] });
  expect(skippedNames(json)).toEqual(['units: verify', 'units: security']);
  expect(skippedNames(undefined)).toEqual([]);
});
