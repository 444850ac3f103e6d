/**
 * `deno task chaos`: the service is stopped, killed and troubled under load,
 * with clients that repeat with their keys; then the ledger's verdict.
 *
 * Exit codes: 0 when every acknowledged intent had its effect once, every stop
 * kept the rules and no client saw what it must not; 1 otherwise (the records are
 * kept and named); 2 for a wrong command line; 130 when interrupted.
 */
import { addPartOptions, type PartFlags, planOf } from "./chaos/cli.ts";
import { playPart } from "./chaos/part.ts";
import { withoutSeparator } from "./client/parse.ts";
import { toolCommand } from "./client/usage.ts";
import { runTool } from "./demo/run_tool.ts";
import type { Interrupt } from "./load/interrupt.ts";

interface Flags extends PartFlags {
  readonly report?: string;
}

function parseFlags(): Flags {
  const command = toolCommand("chaos")
    .description("Kills, stops and troubles the service, then judges");
  return addPartOptions(command, { rounds: 20 })
    .option("--report <file>", "write the result as JSON")
    .parse(withoutSeparator(Deno.args), { from: "user" })
    .opts<Flags>();
}

async function main({ stopping }: Interrupt): Promise<number> {
  const { report: path, ...flags } = parseFlags();
  const { seed, rounds, profile, rps } = flags;
  console.log(
    `chaos: seed ${seed}, ${rounds} rounds of ${profile}, ${rps} flows per s`,
  );
  const { report, records } = await playPart(planOf(flags), stopping);
  if (path !== undefined) {
    const text = JSON.stringify(report, null, 2);
    await Deno.writeTextFile(path, `${text}\n`);
  }
  if (records !== null) console.log(`The records are in ${records}`);
  return report.ok ? 0 : 1;
}

if (import.meta.main) Deno.exitCode = await runTool(main);
