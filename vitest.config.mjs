// Tests run from dist (tsc output): workers and the CLI are then the same files that users get.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    pool: 'forks',
    // The default leaves a processor idle; on two that is half the time.
    maxWorkers: '100%',
    // For what never ends, not for what is slow: far more than any test takes on a busy machine.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
