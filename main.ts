/**
 * The program's entry point. The signal listeners come first and alone: a SIGTERM that finds no listener kills
 * the process, or is lost when it is PID 1. Everything else is imported after them, and only what the sub-command
 * needs.
 */
import { denoSignals } from "@oms/lifecycle/signals";

const signals = denoSignals();
const { runCommandLine } = await import("./src/app/cli/command_line.ts");
await runCommandLine(signals, Deno.args, {
  client: async () => (await import("./tools/client.ts")).main,
  load: async () => (await import("./tools/load.ts")).main,
});
