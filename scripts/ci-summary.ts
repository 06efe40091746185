// Turns vitest's JSON and the exit code of the whole test command into CI's last line. `summarise` is pure; below it, the
// script part. It never reports success that the exit code denies.
import { readFileSync } from 'node:fs';

interface Suite {
  readonly status?: unknown;
  readonly assertionResults?: readonly { readonly status?: unknown; readonly fullName?: unknown }[];
}

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** `json`: text of vitest's JSON reporter, undefined when there is none; `exitCode`: of the command that ran everything. */
export function summarise(json: string | undefined, exitCode: number): Summary {
  const suites = json === undefined ? undefined : suitesOf(json);
  if (suites === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const states = suites.flatMap((suite) => (suite.assertionResults ?? []).map((test) => test.status));
  const count = (...wanted: string[]) => states.filter((state) => wanted.includes(String(state))).length;
  // A file that does not load has no tests in the report, only a failed status.
  const brokenFiles = suites.filter((s) => s.status === 'failed' && !s.assertionResults?.some(isFailed)).length;
  const passed = count('passed');
  const failed = count('failed') + brokenFiles;
  return {
    passed,
    // Nothing ran, or something beside the tests failed (lint, types, an unhandled error).
    failed: failed === 0 && (exitCode !== 0 || passed === 0) ? 1 : failed,
    skipped: states.filter((state) => SKIPPED.includes(state)).length,
  };
}

const SKIPPED: readonly unknown[] = ['skipped', 'pending', 'todo', 'disabled'];

/** A test that did not run proves nothing: it is named, not only counted. */
export function skippedNames(json: string | undefined): readonly string[] {
  const suites = (json === undefined ? undefined : suitesOf(json)) ?? [];
  const tests = suites.flatMap((suite) => suite.assertionResults ?? []);
  return tests.filter((test) => SKIPPED.includes(test.status)).map((test) => String(test.fullName ?? 'a test'));
}

function isFailed(test: { readonly status?: unknown }): boolean {
  return test.status === 'failed';
}

function suitesOf(json: string): readonly Suite[] | undefined {
  try {
    const report: unknown = JSON.parse(json);
    if (typeof report !== 'object' || report === null || !('testResults' in report)) return undefined;
    return Array.isArray(report.testResults) ? report.testResults : undefined;
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const report = readIfThere(process.argv[2] ?? '');
  const summary = summarise(report, Number(process.argv[3] ?? 1));
  for (const name of skippedNames(report)) process.stdout.write(`skipped: ${name}\n`);
  if (summary.skipped > 0) process.stdout.write(`${summary.skipped} skipped\n`);
  process.stdout.write(`${summary.passed} passed, ${summary.failed} failed\n`);
  process.exitCode = summary.failed === 0 ? 0 : 1;
}
