import { defineConfig } from 'vitest/config';

// Tests that have a long mode read the same switch.
const long = process.env.STRONGROOM_LONG === '1';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: tests change the umask and the user.
    pool: 'forks',
    // What many files need is made once.
    globalSetup: 'test/support/once.ts',
    // The SDK's notice about 2027; the program sets it itself.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    maxWorkers: '100%',
    testTimeout: long ? 600_000 : 60_000,
    hookTimeout: 120_000,
    // Tests that kill, race and fill disks meet a machine that is busy with something else. A second failure counts.
    retry: process.env.CI ? 1 : 0,
  },
});
