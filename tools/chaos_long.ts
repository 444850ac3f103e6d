/**
 * `deno task chaos:long`: chaos, part by part, until there were 1,000 SIGTERMs
 * and 500 SIGKILLs. Takes hours; Ctrl-C and the same command again goes on with
 * the next part, by a state file.
 *
 * Exit codes: 0 when the goal is reached and every part held, 1 when one did
 * not (its records are kept and named; the later ones are played all the same),
 * 2 for a wrong command line, 130 when interrupted.
 */
import { addPartOptions, type PartFlags } from "./chaos/cli.ts";
import {
  isOver,
  type LongState,
  openState,
  saveState,
  type Totals,
  totalsOf,
  withPart,
} from "./chaos/long_state.ts";
import { playPart } from "./chaos/part.ts";
import { parsePositive, withoutSeparator } from "./client/parse.ts";
import { toolCommand } from "./client/usage.ts";
import { runTool } from "./demo/run_tool.ts";
import type { Interrupt } from "./load/interrupt.ts";

interface Flags extends PartFlags {
  readonly state: string;
  readonly sigterms: number;
  readonly sigkills: number;
}

function parseFlags(): Flags {
  const command = toolCommand("chaos:long")
    .description("Chaos for hours, part by part; goes on where it was left");
  return addPartOptions(command, { seed: 1, rounds: 50 })
    .option("--state <file>", "where it stands", "chaos-long.json")
    .option("--sigterms <n>", "at least", parsePositive, 1_000)
    .option("--sigkills <n>", "at least", parsePositive, 500)
    .parse(withoutSeparator(Deno.args), { from: "user" })
    .opts<Flags>();
}

function stateOf(flags: Flags): LongState {
  const { profile, rounds, rps, kafka, sigterms, sigkills, seed } = flags;
  return {
    plan: { profiles: [...profile], rounds, rps, kafka },
    goal: { sigterms, sigkills },
    next_seed: seed,
    parts: [],
  };
}

function lineOf({ goal, parts }: LongState, totals: Totals): string {
  return [
    `${parts.length} parts`,
    `${totals.sigterms} of ${goal.sigterms} SIGTERM`,
    `${totals.sigkills} of ${goal.sigkills} SIGKILL`,
    `${totals.acknowledged} acknowledged`,
    `${totals.failed} parts failed`,
    `slowest stop ${totals.slowestStopMs} ms`,
  ].join(" · ");
}

async function main({ stopping }: Interrupt): Promise<number> {
  const { state: path, ...flags } = parseFlags();
  let state = await openState(path, stateOf({ state: path, ...flags }));
  const totals = () => totalsOf(state.parts.map(({ report }) => report));
  if (state.parts.length > 0) {
    console.log(`goes on with ${path}: ${lineOf(state, totals())}`);
  }
  while (!isOver(state)) {
    const { plan, next_seed: seed } = state;
    console.log(`chaos: seed ${seed}, ${plan.rounds} rounds`);
    state = withPart(state, await playPart({ ...plan, seed }, stopping));
    await saveState(path, state);
    console.log(lineOf(state, totals()));
  }
  for (const { report, records } of state.parts) {
    if (records !== null) {
      console.log(`seed ${report.seed} failed; its records are in ${records}`);
    }
  }
  const { failed } = totals();
  console.log(`${failed === 0 ? "ok" : "FAILED"}: ${lineOf(state, totals())}`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exitCode = await runTool(main);
