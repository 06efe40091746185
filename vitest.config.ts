import { defineConfig } from 'vitest/config';

// The cost is in the file name: .test.ts milliseconds, .int.test.ts kernel, sockets and daemons, .e2e.test.ts browser.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'core',
          include: ['test/core/**/*.test.ts'],
          exclude: ['**/*.{int,e2e}.test.ts'],
          setupFiles: ['test/core/no-clock-no-chance.ts'],
        },
      },
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/core/**', '**/*.{int,e2e}.test.ts', '**/node_modules/**'],
        },
      },
      {
        test: {
          name: 'int',
          include: ['test/**/*.int.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
        },
      },
    ],
  },
});
