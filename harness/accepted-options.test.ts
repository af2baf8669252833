import { expect, test } from "vitest";
import { OPTIONS } from "../src/trace/options.ts";
import { acceptedOptions } from "./accepted-options.ts";
import type { EngineClient } from "./engine-client.ts";
import { vllm } from "./engines/vllm.ts";

/** A vLLM server that answers with one token, or refuses by an event of the stream what `refuses` says. */
function server(refuses: (body: Readonly<Record<string, unknown>>) => boolean): EngineClient {
  const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;
  const right =
    event({ choices: [{ index: 0, text: "", token_ids: [300], finish_reason: "length" }] }) +
    event({ choices: [], usage: { prompt_tokens: 43, completion_tokens: 1 } });
  const wrong = event({ error: { message: "not yet supported with speculative decoding", code: 400 } });
  return {
    baseUrl: "http://127.0.0.1:1",
    get: async () => ({ status: 200, text: "" }),
    post: async (_, body) => {
      return { status: 200, text: `${refuses(body as Record<string, unknown>) ? wrong : right}data: [DONE]\n\n` };
    },
  };
}

test("an option that the server refuses is not among those of campaigns", async () => {
  const biased = (body: Readonly<Record<string, unknown>>) => "logit_bias" in body;
  expect(await acceptedOptions(server(biased), vllm, OPTIONS)).toEqual(
    OPTIONS.filter((option) => option !== "avoid" && option !== "ban"),
  );
});

test("a server that refuses none keeps all", async () => {
  expect(
    await acceptedOptions(
      server(() => false),
      vllm,
      OPTIONS,
    ),
  ).toEqual(OPTIONS);
});
