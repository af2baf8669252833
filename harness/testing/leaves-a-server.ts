/** A program that starts a server, says where, and then ends in the way it is told: `signal` (waits for it) or `error`. */

import { join } from "node:path";
import { llamaCpp } from "../engines/llama-cpp.ts";
import { ProcessServer } from "../process-server.ts";

const script = join(import.meta.dirname, "stand-in-server.ts");
const server = new ProcessServer({
  command: `'${process.execPath}' '${script}' --port {port}`,
  profile: llamaCpp,
  model: "tracer.gguf",
});
console.log(await server.start());
if (process.argv[2] === "error") {
  await new Promise((resolve) => process.stdin.once("data", resolve));
  throw new Error("uncaught");
}
