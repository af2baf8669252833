import { expect, test } from "vitest";
import { OPTIONS } from "../src/trace/options.ts";
import { readoutOf } from "../src/tracer/readout.ts";
import { DEFAULT_SHAPE } from "../src/tracer/shape.ts";
import { acceptedOptions } from "./accepted-options.ts";
import type { EngineClient } from "./engine-client.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";
import { vllm } from "./engines/vllm.ts";

/** What a server that generates does not refuse. */
const COMPLETIONS = OPTIONS.filter((option) => option !== "embed");

/** A vLLM server that generates: it answers with one token, or refuses by an event of the stream what `refuses` says. */
function server(refuses: (body: Readonly<Record<string, unknown>>) => boolean): EngineClient {
  const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;
  const right =
    event({ choices: [{ index: 0, text: "", token_ids: [300], finish_reason: "length" }] }) +
    event({ choices: [], usage: { prompt_tokens: 43, completion_tokens: 1 } });
  const wrong = event({ error: { message: "not yet supported with speculative decoding", code: 400 } });
  return {
    baseUrl: "http://127.0.0.1:1",
    get: async () => ({ status: 200, text: "" }),
    post: async (path, body) => {
      if (path === "/v1/embeddings") return { status: 404, text: "" };
      return { status: 200, text: `${refuses(body as Record<string, unknown>) ? wrong : right}data: [DONE]\n\n` };
    },
  };
}

test("an option that the server refuses is not among those of campaigns", async () => {
  const biased = (body: Readonly<Record<string, unknown>>) => "logit_bias" in body;
  expect(await acceptedOptions(server(biased), vllm, OPTIONS)).toEqual(
    COMPLETIONS.filter((option) => option !== "avoid" && option !== "ban"),
  );
});

test("a server that refuses none keeps all", async () => {
  expect(
    await acceptedOptions(
      server(() => false),
      vllm,
      OPTIONS,
    ),
  ).toEqual(COMPLETIONS);
});

test.each([
  ["the answer", (answer: number) => answer, ["embed"]],
  ["another token", (answer: number) => answer + 1, []],
  ["no token", () => null, []],
])("embeddings are accepted where the vector stands for the answer: %s", async (_, taken, accepted) => {
  const embeds: EngineClient = {
    ...server(() => false),
    post: async (_path, body) => {
      const { input } = body as { input: number[] };
      const embedding = readoutOf(DEFAULT_SHAPE).vectorOf(taken(input[0]!));
      return { status: 200, text: JSON.stringify({ object: "list", data: [{ index: 0, embedding }] }) };
    },
  };
  // The probe asks for its first cell.
  expect(await acceptedOptions(embeds, llamaCpp, ["embed"])).toEqual(accepted);
});
