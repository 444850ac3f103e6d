/**
 * `deno task providers`: payment and inventory over HTTP with a durable ledger, for integration, chaos and demo
 * runs. Prints one line of JSON when it serves; SIGTERM and SIGINT stop it.
 */
import { CommanderError, Option } from "commander";
import { z } from "zod";
import { atLeast, withoutSeparator } from "./client/parse.ts";
import { toolCommand, usageExit } from "./client/usage.ts";
import { DEFAULT_KNOBS, UNKNOWN_MODES } from "./providers/knobs.ts";
import { startProviderServer } from "./providers/server.ts";

interface Flags {
  readonly host: string;
  readonly port: number;
  readonly ledger: string;
  readonly latency: number;
  readonly jitter: number;
  readonly declineRate: number;
  readonly unknownRate: number;
  readonly unknownModes: (typeof UNKNOWN_MODES[number])[];
  readonly hang: number;
  readonly doubleRate: number;
  readonly seed: string;
}

const number = atLeast(0);

const command = toolCommand("providers")
  .description("Simulated payment and inventory providers over HTTP")
  .option("--host <address>", "address to listen on", "127.0.0.1")
  .option("--port <port>", "0: any free one", number, 8090)
  .option("--ledger <file>", "durable ledger", "data/providers.ndjson")
  .option(
    "--latency <ms>",
    "time to an answer",
    number,
    DEFAULT_KNOBS.latency_ms,
  )
  .option(
    "--jitter <ms>",
    "up to this much more",
    number,
    DEFAULT_KNOBS.jitter_ms,
  )
  .option(
    "--decline-rate <share>",
    "charges and reservations declined, 0 to 1",
    number,
    0,
  )
  .option(
    "--unknown-rate <share>",
    "calls without a usable answer, 0 to 1",
    number,
    0,
  )
  .addOption(
    new Option("--unknown-modes <modes...>", "how such calls end")
      .choices(UNKNOWN_MODES).default([...UNKNOWN_MODES], "all"),
  )
  .option(
    "--hang <ms>",
    "longest time a hanging call is held",
    number,
    DEFAULT_KNOBS.hang_ms,
  )
  .option(
    "--double-rate <share>",
    "effects that happen twice (a defect on purpose)",
    number,
    0,
  )
  .option("--seed <text>", "what chance is derived from", "")
  .addHelpText(
    "after",
    "\nPOST /charges /refunds /reservations /releases; GET /_ledger /_stats; GET and POST /_knobs",
  );

async function main(): Promise<void> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, stop);
  }
  const flags = command.parse(withoutSeparator(Deno.args), { from: "user" })
    .opts<Flags>();
  const server = await startProviderServer({
    hostname: flags.host,
    port: flags.port,
    ledgerPath: flags.ledger,
    knobs: {
      latency_ms: flags.latency,
      jitter_ms: flags.jitter,
      decline_rate: flags.declineRate,
      unknown_rate: flags.unknownRate,
      unknown_modes: flags.unknownModes,
      hang_ms: flags.hang,
      double_rate: flags.doubleRate,
      seed: flags.seed,
    },
  });
  console.log(JSON.stringify({
    msg: "providers ready",
    url: server.url,
    pid: Deno.pid,
    ledger: flags.ledger,
    entries: server.ledger.length,
  }));
  await stopped;
  await server[Symbol.asyncDispose]();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.removeSignalListener(signal, stop);
  }
}

/** @returns the exit code: 2 for a wrong command line, which has been told, or a value out of range; else 1 */
function failed(error: unknown): number {
  if (error instanceof CommanderError) return usageExit(error);
  const outOfRange = error instanceof z.ZodError;
  const reason = outOfRange ? z.prettifyError(error) : String(error);
  console.error(`Cannot serve the providers: ${reason}`);
  return outOfRange ? 2 : 1;
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    Deno.exitCode = failed(error);
  }
}
