import { afterEach, expect, test } from "vitest";
import { llamaCpp } from "./engines/llama-cpp.ts";
import { StandInEngine } from "./testing/stand-in-engine.ts";
import { UrlServer } from "./url-server.ts";

const engines: StandInEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop();
});

test.each(["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.8.9.10:1"])(
  "%s is this machine",
  (url) => {
    expect(() => new UrlServer({ url, profile: llamaCpp })).not.toThrow();
  },
);

test.each(["http://10.0.0.1:8080", "http://example.com", "http://127.0.0.1.example.com"])(
  "%s is refused without the user's word",
  (url) => {
    const make = (allowRemote: boolean) => new UrlServer({ url, profile: llamaCpp, allowRemote });
    expect(() => make(false)).toThrow(expect.objectContaining({ code: "REMOTE_HOST_REFUSED" }));
    expect(() => make(true)).not.toThrow();
  },
);

test("what is not an http URL is refused", () => {
  expect(() => new UrlServer({ url: "localhost:8080", profile: llamaCpp })).toThrow("is not an http URL");
});

test("a server that answers is taken as it is, and cannot be restarted", async () => {
  const engine = await StandInEngine.start();
  engines.push(engine);
  const server = new UrlServer({ url: engine.baseUrl, profile: llamaCpp });
  expect(await server.start()).toBe(`${engine.baseUrl}/`);
  await expect(server.restart()).rejects.toMatchObject({ code: "UNSUPPORTED_BY_TARGET" });
});

test("a server that is loading is not ready, and one that is not there is unreachable", async () => {
  const engine = await StandInEngine.start({ loading: true });
  const server = new UrlServer({ url: engine.baseUrl, profile: llamaCpp });
  await expect(server.start()).rejects.toMatchObject({ code: "ENGINE_NOT_READY" });
  await engine.stop();
  await expect(server.start()).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
});
