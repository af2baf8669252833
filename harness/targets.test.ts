import { expect, test } from "vitest";
import { ADAPTERS } from "../src/tracer/adapter.ts";
import { ContainerServer } from "./container-server.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";
import { ProcessServer } from "./process-server.ts";
import { containerTarget, processTarget, urlTarget } from "./targets.ts";
import { manifestOfNothing } from "./testing/manifest.ts";

const model = { path: "tracer.gguf", adapters: null, manifest: manifestOfNothing("m0") };

test("a container's start command says network, model, fault and GPUs", () => {
  const server = new ContainerServer({
    profile: llamaCpp,
    model: model.path,
    env: { CROSSTALK_FAULT: "kept-tail" },
    gpus: "all",
    extraArgs: ["-np", "8"],
  });
  expect(server.startCommand[0]).toBe("docker build -t crosstalk/llama.cpp:local docker/llama-cpp");
  expect(server.startCommand[1]).toBe(
    [
      'docker run --rm -p 127.0.0.1:$PORT:8080 -v "$PWD/$MODEL:/model/tracer.gguf:ro" -e CROSSTALK_FAULT=kept-tail',
      "--gpus all crosstalk/llama.cpp:local -m /model/tracer.gguf --host 0.0.0.0 --port 8080 -np 4 -c 2048 -b 64 -ub 64 -t 1",
      "--cache-ram 0 --slot-save-path /tmp --metrics --no-ui --offline -np 8",
    ].join(" "),
  );
});

test("adapters are mounted, and loaded by arguments of the profile's own", () => {
  const server = new ContainerServer({ profile: llamaCpp, model: model.path, adapters: "somewhere/adapters" });
  expect(server.startCommand.at(-1)).toContain('-v "$PWD/adapters:/adapters:ro"');
  expect(server.args.at(-1)).toBe(ADAPTERS.map((a) => `/adapters/${a}.gguf:0`).join(","));
  const process = new ProcessServer({
    command: "llama-server --port {port}",
    profile: llamaCpp,
    model: model.path,
    adapters: "/tmp/m/adapters",
  });
  expect(process.startCommand[0]).toContain("--lora-scaled adapters/a1.gguf:0,");
  expect(() => containerTarget({ model, adapters: true })).toThrow("has no adapters beside it");
});

test("what cannot work is refused when it is made, before anything starts", () => {
  expect(() => processTarget({ command: "llama-server", model })).toThrow("where the port goes");
  expect(() => urlTarget({ url: "http://example.com", model: model.manifest })).toThrow("is not this machine");
  expect(() => containerTarget({ model, fault: "kept-tail" })).not.toThrow();
});

test("a target that was not started says so", async () => {
  await expect(containerTarget({ model }).flush()).rejects.toThrow("the target was not started");
});
