#!/usr/bin/env node
/** The command line. Commands load what they need when they run: `--help` answers at once. */

import { Command, Option } from "commander";
import { LAB_PRESET_NAMES } from "../lab/presets.ts";
import { DIALECT_NAMES } from "../target/dialect-names.ts";
import { OPTIONS } from "../trace/option-names.ts";
import { EXIT, formatError } from "./exit.ts";
import { describeProfiles, PROFILES, withProfile } from "./profiles.ts";
import { byteCount, duration, factor, gpuCount, positiveNumber, wholeNumber } from "./values.ts";

const program = new Command("crosstalk")
  .description(
    "Proves that no request to an LLM server ever reads another request's KV cache, or shows the one that did.",
  )
  .version("0.1.0")
  .showHelpAfterError("(see --help)")
  .configureHelp({ sortSubcommands: false })
  .addHelpText("after", "\nExit codes: 0 clean, 1 a finding, 2 could not test (the message says what to do).");

// Before the commands, which inherit it. Bad usage means: could not test. Help and version are no errors.
program.exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.clean : EXIT.couldNotTest));

/** Runs a command's action; its number is the exit code, its error is code 2. */
function ends<Args extends unknown[]>(action: (...args: Args) => Promise<number>) {
  return async (...args: Args): Promise<void> => {
    try {
      process.exitCode = await action(...args);
    } catch (error) {
      process.stderr.write(`${formatError(error)}\n`);
      process.exitCode = EXIT.couldNotTest;
    }
  };
}

const examples = (...lines: string[]) => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;

function targetOptions(command: Command): Command {
  return command
    .option("--target <lab|container|URL>", "what to test; chosen from the other options where left out")
    .option("--engine <name>", "engine profile (default llama.cpp; see `crosstalk engines`)")
    .option("--image <name>", "container image instead of the profile's own")
    .option(
      "--cmd <command>",
      "start the server by this command; {model.gguf} or {model.hf}, and {port}, are filled in",
    )
    .option("--model <folder>", "a model of `crosstalk model write` (default: one is written for the run)")
    .option("--port <number>", "port for --cmd (default: a free one)", positiveNumber)
    .addOption(
      new Option(
        "--adapters [which]",
        "load the tracer's LoRA adapters, and send some requests under them; all: the others name the base model",
      )
        .choices(["some", "all"])
        .preset("some"),
    )
    .option("--fault <name>", "switch on a planted fault of the lab or of Crosstalk's image")
    .addOption(new Option("--topology <name>", "topology of the lab").choices(["single", "pd"]))
    .addOption(new Option("--preset <name>", "the engine whose shape the lab has").choices(LAB_PRESET_NAMES))
    .option("--scheduler-seed <number>", "vary the times of the lab's steps and copies by this seed", wholeNumber)
    .option("--jitter", "give each run of a trace on the lab a scheduler seed of its own, so that rates mean something")
    .option("--args <arguments>", "arguments added to the engine's own, in the container")
    .option("--gpus <count>", "GPUs for the container: a number or all", gpuCount)
    .option("--allow-remote", "load a URL on another machine: only if it is yours and nobody depends on it");
}

program
  .command("demo")
  .description("find a planted KV-cache bug in the embedded lab, reduce it and write its repro; no Docker")
  .option("--seed <number>", "seed of the campaign", wholeNumber, 1)
  .option("--fault <name>", "the bug to plant", "pd-free-on-abort")
  .option("--out <folder>", "where to write traces, histories and the repro", "crosstalk-out/demo")
  .option("--json", "print the summary of the faulty run as JSON")
  .addHelpText("after", examples("crosstalk demo", "crosstalk demo --seed 7 --json"))
  .action(ends(async (options) => (await import("./demo.ts")).demo(options)));

targetOptions(program.command("run"))
  .description("load a target until the budget ends or a law breaks; reduce and write up what broke")
  .addOption(
    new Option(
      "--profile <name>",
      "budget, findings, context and size by the occasion; options given win over it",
    ).choices(Object.keys(PROFILES)),
  )
  .option("--seed <number>", "seed of the campaign", wholeNumber, 1)
  .option("--budget <time>", "start no new trace after this time", duration, 120_000)
  .option("--traces <number>", "run at most this many traces", positiveNumber, 1_000_000)
  .option("--reduce <time>", "reduce one failure of a server no longer than this", duration, 270_000)
  .option("--context <tokens>", "longest prompt and answer to ask for", positiveNumber, 512)
  .addOption(
    new Option(
      "--without <option...>",
      "options of requests to leave out, for instance while a bug of theirs is open",
    ).choices(OPTIONS),
  )
  .option("--findings <number>", "stop after this many new findings, one a law", positiveNumber, 1)
  .option("--baseline <file>", "failures that are known, which fail nothing until they expire (docs/ci.md)")
  .option("--out <folder>", "where to write traces, histories and findings (default crosstalk-out/run-TIME)")
  .option("--max-artifacts <size>", "throw clean runs away, oldest first, where the folder would hold more", byteCount)
  .option("--junit <file>", "write the verdicts as JUnit XML: a test case a law")
  .option("--summary-md <file>", "write a page of Markdown; in GitHub Actions the job's summary gets it, too")
  .option("--events <file>", "write what happens, a JSON object a line (docs/events.md); - for standard output")
  .option("--json", "end with one summary object on standard output")
  .addHelpText(
    "after",
    examples(
      "crosstalk run --engine llama.cpp",
      "crosstalk run --engine llama.cpp --fault stale-row --budget 60s",
      "crosstalk run --engine vllm --without seed",
      'crosstalk run --cmd "llama-server -m {model.gguf} --port {port} -np 4 -c 4096"',
      "crosstalk run --target http://127.0.0.1:8080",
      'crosstalk run --profile pr --cmd "..." --baseline known.json --junit crosstalk.xml',
      "crosstalk run --profile nightly --engine vllm --seed 20261129",
      "crosstalk run --target lab --topology pd --fault pd-free-on-abort --json",
    ),
  )
  .addHelpText("after", `\nProfiles:\n${describeProfiles()}`)
  .action(
    ends(async (options, command: Command) => {
      const isGiven = (option: string) => command.getOptionValueSource(option) === "cli";
      return (await import("./run.ts")).run(withProfile(options, isGiven));
    }),
  );

targetOptions(program.command("replay"))
  .description("run one trace again and judge it")
  .argument("<trace>", "trace file, or a folder that holds trace.json")
  .option("--tries <number>", "how often", positiveNumber, 10)
  .option("--json", "print the result as JSON")
  .addHelpText(
    "after",
    examples("crosstalk replay crosstalk-out/demo/pd-free-on-abort/findings/*/ --topology pd --fault pd-free-on-abort"),
  )
  .action(ends(async (path, options) => (await import("./replay.ts")).replay(path, options)));

targetOptions(program.command("reduce"))
  .description("make a trace that fails as small as can be, confirm it and write its repro")
  .argument("<trace>", "trace file, or a folder that holds trace.json")
  .option("--tries <number>", "runs in which the trace must fail once", positiveNumber, 20)
  .option("--budget <time>", "reduce no longer than this; the confirmation comes on top", duration, 1_800_000)
  .requiredOption("--out <folder>", "where to write the finding; given again, an interrupted reduction goes on")
  .option("--json", "print the result as JSON")
  .addHelpText(
    "after",
    examples(
      "crosstalk reduce crosstalk-out/run-TIME/runs/0017.trace.json --engine vllm --out crosstalk-out/0017",
      "crosstalk reduce trace.json --target lab --topology pd --fault pd-free-on-abort --out crosstalk-out/abort",
    ),
  )
  .action(ends(async (path, options) => (await import("./reduce.ts")).reduce(path, options)));

targetOptions(program.command("bisect"))
  .description(
    "the version in which a trace began to fail; {version} in --image, --cmd, --args and --build is filled in",
  )
  .argument("<trace>", "trace file, or a folder that holds trace.json")
  .option("--versions <version...>", "versions, oldest first: the first is clean, the last fails")
  .option("--git <folder>", "take the commits of this repository from --good to --bad")
  .option("--good <commit>", "a commit that is clean")
  .option("--bad <commit>", "a later one that fails")
  .option("--build <command>", "shell command that builds a version; one that it fails on is left out")
  .option("--runs <number>", "run the trace at most so often on one version", positiveNumber, 200)
  .option("--json", "print the result as JSON")
  .addHelpText(
    "after",
    examples(
      'crosstalk bisect FINDING --engine vllm --image "vllm/vllm-openai:{version}" --versions v0.10.0 v0.10.1 v0.10.2',
      "crosstalk bisect FINDING --git llama.cpp --good b11000 --bad b11669 \\\n" +
        '      --build "git -C llama.cpp checkout -q {version} && cmake --build llama.cpp/build" \\\n' +
        '      --cmd "llama.cpp/build/bin/llama-server -m {model.gguf} --port {port} --slot-save-path /tmp"',
    ),
  )
  .action(ends(async (path, options) => (await import("./bisect.ts")).bisectCommand(path, options)));

program
  .command("check")
  .description("judge a saved history again, offline")
  .argument("<history>", "history file, or a folder that holds history.jsonl")
  .option("--trace <file>", "its trace (default: trace.json or NAME.trace.json beside it)")
  .option("--print", "print the trace and what happened, a line an event")
  .option("--json", "print the verdicts as JSON")
  .addHelpText("after", examples("crosstalk check crosstalk-out/demo/clean/runs/0001.history.jsonl"))
  .action(ends(async (path, options) => (await import("./check.ts")).check(path, options)));

program
  .command("report")
  .description("write the reports of a finding or a campaign again, from what its folder has saved")
  .argument("<folder>", "folder of a campaign, or of one finding")
  .option("--junit <file>", "of a campaign: the verdicts as JUnit XML, too")
  .option("--summary-md <file>", "of a campaign: the page of Markdown, too")
  .option("--json", "print what was written as JSON")
  .addHelpText(
    "after",
    examples(
      "crosstalk report crosstalk-out/run-20261129-101500",
      "crosstalk report crosstalk-out/run-20261129-101500/findings/own-cells-only-326ada",
      "crosstalk report crosstalk-out/run-20261129-101500 --junit crosstalk.xml --json",
    ),
  )
  .addHelpText(
    "after",
    "\nExit codes: 0 written, with findings or without, 2 could not. Nothing is run or judged anew.",
  )
  .action(ends(async (folder, options) => (await import("./report.ts")).report(folder, options)));

program
  .command("model")
  .description("the tracer model, for servers that you start yourself")
  .command("write")
  .description("write the model and its manifest into a folder; the same options always give the same bytes")
  .argument("<folder>", "where to write it")
  .addOption(
    new Option("--format <name>", "gguf for llama.cpp, hf for the others").choices(["gguf", "hf"]).default("gguf"),
  )
  .addOption(new Option("--dtype <name>", "format of the weights").choices(["f32", "bf16", "f16"]).default("f32"))
  .option("--like <config.json>", "the shape of a Llama-family or DeepSeek model; the options below change it")
  .option("--layers <number>", "layers, from 3 on (default: 5)", positiveNumber)
  .option("--kv-heads <number>", "KV heads (default: 1)", positiveNumber)
  .option("--heads <number>", "query heads (default: four for each KV head, the fewest)", positiveNumber)
  .option("--head-dim <number>", "size of a head: 64, 128 or 256 (default: 128)", positiveNumber)
  .option("--drag <number>", "feed-forward width that costs time and adds nothing (default: 0)", wholeNumber)
  .option("--window <cells>", "cells that all layers but the first two see (--format hf; vLLM)", positiveNumber)
  .option("--latent <rank>", "multi-head latent attention (DeepSeek), with a latent of this rank", positiveNumber)
  .option("--experts <number>", "experts in each layer, 4 to 128, two for each token (default: none)", positiveNumber)
  .option("--json", "print the manifest as JSON")
  .addHelpText(
    "after",
    examples(
      "crosstalk model write tracer && llama-server -m tracer/tracer.gguf --port 8080",
      "crosstalk model write tracer-hf --format hf && vllm serve ./tracer-hf --dtype float32",
      "crosstalk model write like-8b --format hf --dtype bf16 --layers 32 --kv-heads 8 --heads 32",
      "crosstalk model write like-mine --format hf --dtype bf16 --like my-model/config.json",
      "crosstalk run --target http://127.0.0.1:8000 --engine vllm --model tracer-hf",
    ),
  )
  .action(ends(async (folder, options) => (await import("./model.ts")).writeModelCommand(folder, options)));

program
  .command("doctor")
  .description("say what works on this machine, and prove that a planted bug is caught")
  .addOption(new Option("--canary <fault>", "the bug to plant").default("pd-free-on-abort"))
  .option("--json", "print the result as JSON")
  .addHelpText("after", examples("crosstalk doctor"))
  .action(ends(async (options) => (await import("./doctor.ts")).doctor(options)));

program
  .command("engines")
  .description("list the engines Crosstalk knows, and the faults that can be planted")
  .option("--json", "print the list as JSON")
  .addHelpText("after", examples("crosstalk engines"))
  .action(ends(async (options) => (await import("./engines.ts")).engines(options)));

program
  .command("lab")
  .description("serve the embedded lab over HTTP, as a server of the engine whose dialect it speaks")
  .option("--port <number>", "port to listen on", positiveNumber, 8080)
  .addOption(new Option("--preset <name>", "the engine whose shape the lab has").choices(LAB_PRESET_NAMES))
  .addOption(
    new Option("--dialect <name>", "the engine's HTTP interface (default: the preset's, or llama-server)").choices(
      DIALECT_NAMES,
    ),
  )
  .option("--fault <name>", "switch on a planted fault")
  .addOption(new Option("--topology <name>", "topology").choices(["single", "pd"]).default("single"))
  .option("--scheduler-seed <number>", "vary the times of steps and copies by this seed", wholeNumber)
  .option("--adapters", "list the tracer's LoRA adapters, so that campaigns use them")
  .option("--speed <factor>", "how many times faster than real time the simulated engine runs", factor, 1)
  .addHelpText(
    "after",
    examples(
      "crosstalk lab --topology pd --fault pd-free-on-abort --port 8080",
      "crosstalk lab --preset vllm --port 8000 --fault parent-not-hashed",
      "crosstalk run --engine vllm --target http://127.0.0.1:8000",
      "crosstalk lab --preset sglang --adapters --speed 10 --port 30000",
      "crosstalk run --engine sglang --target http://127.0.0.1:30000",
    ),
  )
  .action(ends(async (options) => (await import("./lab.ts")).lab(options)));

program
  .command("zoo")
  .description("hunt for every planted fault of the lab: found how often, how fast, as what; beside simpler testers")
  .option("--seeds <number>", "hunts for each fault, each with another seed", positiveNumber, 10)
  .option("--requests <number>", "requests of one hunt at most", positiveNumber, 5000)
  .option(
    "--ordinary <number>",
    "requests of ordinary load that measure how rare a fault is; 0: none",
    wholeNumber,
    2000,
  )
  .option(
    "--clean <number>",
    "requests to labs without a fault, in several shapes, which must raise no alarm; 0: none",
    wholeNumber,
    10_000,
  )
  .option("--only <names>", "these faults only, separated by commas")
  .option("--faults <folder>", "hunt for the faults of this folder's modules too")
  .option("--beside <number>", "seeds of each simpler tester (default: as many as --seeds)", wholeNumber)
  .option("--alone", "leave out the simpler testers")
  .option("--jobs <number>", "hunts at once (default: the machine's processors)", positiveNumber)
  .option("--page <file>", "write the table to this file as well, after each fault")
  .option("--save <file>", "keep finished rows here; what it has of the same options is not run again")
  .option("--json", "results as JSON on standard output")
  .addHelpText(
    "after",
    examples(
      "crosstalk zoo --page docs/zoo.md",
      "crosstalk zoo --beside 3 --save crosstalk-out/zoo.jsonl --page docs/zoo.md",
      "crosstalk zoo --only pd-free-on-abort,hicache-read-before-ready --seeds 3 --alone",
      "crosstalk zoo --faults ./my-faults",
    ),
  )
  .action(ends(async (options) => (await import("./zoo.ts")).zoo(options)));

// Whoever reads the output may stop reading, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
await program.parseAsync();
