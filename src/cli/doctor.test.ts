import { expect, test } from "vitest";
import { crosstalk } from "./testing.ts";

test("catches its planted canary, and raises no alarm without one", async () => {
  const { code, stdout } = await crosstalk("doctor");
  expect(stdout).toMatch(/^clean lab +ok/m);
  expect(stdout).toMatch(/^canary +ok .*pd-free-on-abort was caught/m);
  expect(code).toBe(0);
});

test("says that no verdict can be trusted when the canary does nothing", async () => {
  const { code, stdout, stderr } = await crosstalk("doctor", "--canary", "none");
  expect(stdout).toMatch(/^canary +broken/m);
  expect(stderr).toMatch(/no verdict of this installation can be trusted/);
  expect(code).toBe(2);
});

test("gives the same as JSON", async () => {
  const { code, stdout } = await crosstalk("doctor", "--canary", "none", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ trusted: false });
  expect(code).toBe(2);
});
