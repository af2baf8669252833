/** The stand-in engine as a program: `node stand-in-server.ts --port N [--fail MESSAGE | --loading]`. */

import { parseArgs } from "node:util";
import { StandInEngine } from "./stand-in-engine.ts";

const { values } = parseArgs({
  strict: false,
  options: {
    port: { type: "string" },
    fail: { type: "string" },
    loading: { type: "boolean" },
    m: { short: "m", type: "string" },
  },
});
if (values.fail !== undefined) {
  console.error(values.fail);
  process.exitCode = 7;
} else {
  await new StandInEngine({ loading: values.loading === true }).listen(Number(values.port));
  console.log(`listening on ${values.port}`);
}
