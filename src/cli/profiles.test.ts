import { expect, test } from "vitest";
import { PROFILES, withProfile } from "./profiles.ts";

const defaults = { budget: 120_000, findings: 1, context: 512 };

test("a profile takes the place of defaults, and what was given wins over it", () => {
  const options = { ...defaults, findings: 1, profile: "nightly" as const };
  expect(withProfile(options, () => false)).toMatchObject(PROFILES.nightly);
  const given = withProfile(options, (option) => option === "findings");
  expect(given).toMatchObject({ findings: 1, budget: 3_600_000 });
  const none: typeof defaults & { profile?: "pr" } = defaults;
  expect(withProfile(none, () => false)).toEqual(defaults);
});
