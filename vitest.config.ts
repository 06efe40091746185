import { defineConfig } from 'vitest/config';

// The cost is in the file name: .test.ts milliseconds, .int.test.ts kernel, sockets and daemons, .e2e.test.ts browser.
// int run two files at a time, since most of what they do is wait for daemons and deadlines, each in namespaces and on ports of its
// own; e2e one, since a browser needs the machine. Both come after the fast ones.
const slow = (name: string, timeoutMs: number, order: number, maxWorkers: number) => ({
  test: {
    name,
    include: [`test/**/*.${name}.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    maxWorkers,
    sequence: { groupOrder: order },
  },
});

// test/hunt/ is for `npm run hunt` alone: kills and fuzzing that take minutes to hours.
const hunt = {
  test: {
    name: 'hunt',
    include: ['test/hunt/**/*.test.ts'],
    testTimeout: 3_600_000,
    maxWorkers: 1,
    sequence: { groupOrder: 3 },
  },
};

// Properties with hundreds of runs need a moment on a busy machine; a test that hangs still ends.
const FAST_TIMEOUT_MS = 20_000;

export default defineConfig({
  test: {
    // A condition is waited for as long as a busy machine needs; one that never comes still fails.
    expect: { poll: { timeout: 10_000 } },
    projects: [
      {
        test: {
          name: 'core',
          testTimeout: FAST_TIMEOUT_MS,
          include: ['test/core/**/*.test.ts'],
          exclude: ['**/*.{int,e2e}.test.ts'],
          setupFiles: ['test/core/no-clock-no-chance.ts'],
        },
      },
      {
        test: {
          name: 'unit',
          testTimeout: FAST_TIMEOUT_MS,
          include: ['test/**/*.test.ts'],
          exclude: ['test/core/**', 'test/hunt/**', '**/*.{int,e2e}.test.ts', '**/node_modules/**'],
        },
      },
      slow('int', 60_000, 1, 2),
      slow('e2e', 120_000, 2, 1),
      ...(process.env['ENGAWA_HUNT'] === undefined ? [] : [hunt]),
    ],
  },
});
