import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "properties/**/*.test.ts", "harness/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
  },
});
