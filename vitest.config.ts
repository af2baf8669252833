import { defineConfig } from "vitest/config";

const common = { testTimeout: 60_000, hookTimeout: 180_000 };
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
