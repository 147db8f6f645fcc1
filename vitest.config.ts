import { defineConfig } from "vitest/config";

/** Tests mirror the floors of `src`: `test/<floor>/<file>.test.ts`. Each file has its own process, since the runtime's first session decides how denormals are treated. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { ORT_DISABLE_TELEMETRY: "1" },
  },
});
