import { defineConfig } from "vitest/config";

/** They end what hangs. How long a test takes is not tested: machines are busy. */
const common = { testTimeout: 900_000, hookTimeout: 600_000 };
const code = ["src", "properties", "harness", "bench"].map((folder) => `${folder}/**`);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: "unit",
          include: code.map((folder) => `${folder}/*.test.ts`),
          exclude: ["**/*.container.test.ts", "**/*.browser.test.ts"],
        },
      },
      {
        // Needs Chromium.
        test: { ...common, name: "browser", include: code.map((folder) => `${folder}/*.browser.test.ts`) },
      },
      {
        // One after the other: they start servers, and timing is part of what they test.
        test: {
          ...common,
          name: "container",
          include: code.map((folder) => `${folder}/*.container.test.ts`),
          fileParallelism: false,
        },
      },
    ],
  },
});
