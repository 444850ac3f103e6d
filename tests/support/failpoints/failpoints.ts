/**
 * Counts passages of named points and does there what the plan says.
 *
 * Invariant: a point that the plan does not name costs nothing and does nothing.
 * Lines go to stderr synchronously, so that one is out before what follows it,
 * also when that is SIGKILL.
 */
import { block } from "./block.ts";
import type { Action, Rule } from "./plan.ts";
import { followWallClock } from "./wall_clock.ts";

/** How often a waiting failpoint looks for its file, in ms. */
const LOOK_MS = 5;

/** What a failpoint throws. */
class FailpointError extends Error {
  override readonly name = "FailpointError";

  constructor(point: string) {
    super(`Failpoint ${point} was told to fail`);
  }
}

export class Failpoints {
  readonly #rules: readonly Rule[];
  readonly #passages = new Map<string, number>();
  readonly #sigterm = Promise.withResolvers<void>();

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
    const listens = rules.some(({ actions }) =>
      actions.some(({ kind }) => kind === "sigterm" || kind === "until-sigterm")
    );
    // Registered after the service's own listener, and so called after it.
    if (listens) Deno.addSignalListener("SIGTERM", this.#sigterm.resolve);
  }

  /** Passes the points in their order, e.g. a general and a more special name of one event. */
  async hit(...points: readonly string[]): Promise<void> {
    for (const point of points) await this.#pass(point);
  }

  async #pass(point: string): Promise<void> {
    const mine = this.#rules.filter((rule) => rule.point === point);
    if (mine.length === 0) return;
    const passage = (this.#passages.get(point) ?? 0) + 1;
    this.#passages.set(point, passage);
    for (const { nth, actions } of mine) {
      if (nth !== null && nth !== passage) continue;
      for (const action of actions) await this.#act(point, passage, action);
    }
  }

  async #act(point: string, passage: number, action: Action): Promise<void> {
    switch (action.kind) {
      case "print":
        return print({ msg: "failpoint", point, passage });
      case "kill":
        return Deno.kill(Deno.pid, "SIGKILL");
      case "kill-in":
        setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), action.ms);
        return;
      case "sigterm":
        Deno.kill(Deno.pid, "SIGTERM");
        return await this.#sigterm.promise;
      case "until-sigterm":
        return await this.#sigterm.promise;
      case "hang":
        return await new Promise<never>(() => {});
      case "wait":
        await untilExists(action.path);
        return print({ msg: "failpoint released", point, passage });
      case "throw":
        throw new FailpointError(point);
      case "reject":
        Promise.reject(new FailpointError(point));
        return;
      case "uncaught":
        setTimeout(() => {
          throw new FailpointError(point);
        }, 0);
        return;
      case "block":
        return block(action.ms);
      case "clock":
        // For good: the process ends with it.
        followWallClock(action.path);
        return;
    }
  }
}

function print(line: Readonly<Record<string, unknown>>): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
  for (let done = 0; done < bytes.length;) {
    done += Deno.stderr.writeSync(bytes.subarray(done));
  }
}

async function untilExists(path: string): Promise<void> {
  for (;;) {
    try {
      await Deno.lstat(path);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
