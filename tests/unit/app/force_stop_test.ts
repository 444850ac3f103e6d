/** What a forced stop waits for before it keeps its report. */
import { assertEquals } from "@std/assert";
import {
  CancelScope,
  END_ACTION_MS,
  StopError,
  TaskGroup,
} from "@oms/lifecycle";
import { FakeClock } from "@oms/lifecycle/testing";
import { forceStop } from "../../../src/app/phases.ts";

interface Forced {
  readonly clock: FakeClock;
  /** What has happened, in order. */
  readonly events: string[];
  readonly ended: Promise<void>;
}

/** A forced stop with one saga that takes `handBackMs` to hand itself back. */
function forced(handBackMs: number): Forced {
  const clock = new FakeClock();
  const events: string[] = [];
  const hard = new CancelScope("hard");
  const sagas = new TaskGroup({
    name: "sagas",
    clock,
    scope: hard,
    stopping: hard.signal,
  });
  sagas.spawn("pay/ord_1", async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await clock.sleep(handBackMs);
    events.push("handed back");
  });
  hard.abort(new StopError({ kind: "signal", signal: "SIGTERM" }));
  const ended = forceStop({
    clock,
    sagas,
    edge: {
      force: async () => {
        await clock.sleep(10);
        events.push("calls answered");
        return [];
      },
    },
    dispatcher: { close: () => events.push("no more sagas") },
    keepReport: () => {
      events.push("report kept");
      return Promise.resolve();
    },
  });
  return { clock, events, ended };
}

Deno.test("F04 a forced stop answers the calls and waits for the sagas to hand themselves back, then keeps its report", async () => {
  const { clock, events, ended } = forced(100);
  await clock.advance(100);
  await ended;
  assertEquals(events, [
    "no more sagas",
    "calls answered",
    "handed back",
    "report kept",
  ]);
});

Deno.test("F04 a forced stop waits for a saga that ignores its signal only so long", async () => {
  const { clock, events, ended } = forced(3_600_000);
  await clock.advance(END_ACTION_MS);
  await ended;
  assertEquals(events, ["no more sagas", "calls answered", "report kept"]);
});
