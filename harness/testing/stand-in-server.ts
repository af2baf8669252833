/** The stand-in engine as a program: `node stand-in-server.ts --port N [--fail MESSAGE | --loading | --die-on TOKENS]`. */

import { parseArgs } from "node:util";
import { type Exchange, StandInEngine, type StandInOptions } from "./stand-in-engine.ts";

const { values } = parseArgs({
  strict: false,
  options: {
    port: { type: "string" },
    fail: { type: "string" },
    loading: { type: "boolean" },
    "die-on": { type: "string" },
    model: { type: "string", short: "m" },
  },
});

/** Crashes in the middle of the answer to a request for so many tokens. */
function dieOn(tokens: number): (exchange: Exchange) => void {
  return (exchange) => {
    if (exchange.maxTokens !== tokens) exchange.complete();
    else exchange.token(exchange.answer[0]!).flushed(() => process.exit(9));
  };
}

if (values.fail !== undefined) {
  console.error(values.fail);
  process.exitCode = 7;
} else {
  const options: StandInOptions =
    values["die-on"] === undefined
      ? { loading: values.loading === true }
      : { respond: dieOn(Number(values["die-on"])) };
  await new StandInEngine(options).listen(Number(values.port));
  console.log(`listening on ${values.port}`);
}
