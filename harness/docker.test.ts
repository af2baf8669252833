import { afterEach, expect, test, vi } from "vitest";
import { ContainerServer } from "./container-server.ts";
import { dockerState } from "./docker.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("no Docker engine: a reason, and an error that says what else can be done", async () => {
  vi.stubEnv("DOCKER_HOST", "unix:///no/such/docker.sock");
  expect(await dockerState()).toEqual({ answers: false, reason: "no Docker engine is running" });
  await expect(new ContainerServer({ profile: llamaCpp, model: "m" }).start()).rejects.toMatchObject({
    code: "DOCKER_UNAVAILABLE",
    hint: expect.stringContaining("--cmd"),
  });
});
