/** A server that is already running and that Crosstalk neither started nor stops. */

import { CrosstalkError } from "../src/errors.ts";
import { engineClient } from "./engine-client.ts";
import type { EngineProfile } from "./engines/profile.ts";
import type { Server } from "./server.ts";

export interface UrlServerOptions {
  readonly url: string;
  readonly profile: EngineProfile;
  /** The user's explicit word that a host other than loopback may be loaded. */
  readonly allowRemote?: boolean;
}

export class UrlServer implements Server {
  readonly kind = "url";
  readonly faults = null;
  readonly args: readonly string[] = [];
  readonly startCommand: readonly string[] = [];
  readonly alive = true;
  readonly #url: URL;
  readonly #profile: EngineProfile;

  /** @throws CrosstalkError INVALID_OPTION, or REMOTE_HOST_REFUSED for a host that is not this machine */
  constructor(options: UrlServerOptions) {
    this.#url = parseUrl(options.url);
    this.#profile = options.profile;
    if (!options.allowRemote && !isLoopback(this.#url.hostname)) {
      throw new CrosstalkError(
        "REMOTE_HOST_REFUSED",
        `${this.#url.hostname} is not this machine, and a fuzzer puts a hostile load on what it tests`,
        "Say --allow-remote if the server is yours to load and nobody else depends on it.",
      );
    }
  }

  /** @throws CrosstalkError SERVER_UNREACHABLE or ENGINE_NOT_READY */
  async start(): Promise<string> {
    const { status, text } = await engineClient(this.#url.href, 5_000).get(this.#profile.readyPath);
    if (status === 200) return this.#url.href;
    throw new CrosstalkError(
      "ENGINE_NOT_READY",
      `${new URL(this.#profile.readyPath, this.#url)} answered HTTP ${status}: ${text.trim().slice(0, 200)}`,
      `Wait until the server has loaded its model. Is it ${this.#profile.title}?`,
    );
  }

  async stop(): Promise<void> {}

  leaveOut(): void {}

  async restart(): Promise<string> {
    throw new CrosstalkError(
      "UNSUPPORTED_BY_TARGET",
      `Crosstalk did not start ${this.#url.href} and cannot restart it`,
      "Let Crosstalk start the server (a container, or --cmd) where a fresh server is needed.",
    );
  }

  logs(): readonly string[] {
    return [];
  }

  onExit(): () => void {
    return () => {};
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new CrosstalkError(
    "INVALID_OPTION",
    `${JSON.stringify(text)} is not an http URL`,
    "Write http://127.0.0.1:8080.",
  );
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
