/** What tools that play on a stage do at their end. */
import { usageExit } from "../client/usage.ts";
import { type Interrupt, onInterrupt } from "../load/interrupt.ts";
import { RefusedError } from "./refused_error.ts";

/**
 * Runs a tool until its end or Ctrl-C.
 *
 * @returns its exit code; 130 when interrupted, 1 when it refuses, 2 for a wrong command line
 */
export async function runTool(
  main: (interrupt: Interrupt) => Promise<number>,
): Promise<number> {
  using interrupt = onInterrupt(0);
  try {
    return await main(interrupt);
  } catch (error) {
    if (interrupt.stopping.aborted) return 130;
    if (!(error instanceof RefusedError)) return usageExit(error);
    console.error(error.message);
    return 1;
  }
}
