/** What a chaos run has done and measured so far, and the rules that a stop has to keep. */
import type { ServiceExit } from "../../tests/support/service_process.ts";

export class Tally {
  rounds = 0;
  sigterms = 0;
  sigkills = 0;
  /** Rounds by profile, and by what went wrong around the service. */
  readonly played: Record<string, number> = {};
  /** SIGTERMs that nothing interfered with, by exit code. */
  readonly exits: Record<string, number> = {};
  /** Their durations, in ms. */
  readonly stopMs: number[] = [];
  /** From spawn to `ready`, in ms. */
  readonly readyMs: number[] = [];
  resumed = 0;
  pointsHit = 0;
  pointsMissed = 0;
  /** Stops that broke the rules, and what did not settle. */
  readonly violations: string[] = [];

  play(name: string): void {
    this.played[name] = (this.played[name] ?? 0) + 1;
  }

  /** The end of a process that got SIGTERM and was left alone: 0 or 3, within the budget. */
  stopped(
    who: string,
    { code }: ServiceExit,
    durationMs: number,
    budgetMs: number,
  ): void {
    this.sigterms += 1;
    this.exits[code] = (this.exits[code] ?? 0) + 1;
    this.stopMs.push(durationMs);
    if (code !== 0 && code !== 3) {
      this.violations.push(`${who} ended a SIGTERM with ${code}`);
    }
    if (!(durationMs <= budgetMs)) {
      const took = Math.round(durationMs);
      this.violations.push(
        `${who} took ${took} ms to stop, budget ${budgetMs} ms`,
      );
    }
  }
}
