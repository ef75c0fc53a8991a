import { defineConfig } from 'vitest/config';

const conditions = ['@llm-engine/source'];
/** The tests run from the sources, and so does what sets them up: nothing has to be built before. */
const sources = {
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  environments: { __vitest__: { resolve: { conditions } } },
};

export default defineConfig({
  test: {
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text-summary', 'text'],
      thresholds: { lines: 90 },
    },
    projects: [
      {
        ...sources,
        test: {
          name: 'unit',
          include: ['{apps,packages}/*/src/**/*.test.ts', 'trainers/*/src/**/*.test.ts'],
          // Unit tests share no state, and loading the modules anew for each file would take most of their time.
          isolate: false,
          pool: 'threads',
        },
      },
      {
        ...sources,
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
