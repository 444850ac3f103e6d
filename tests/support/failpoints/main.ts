/**
 * A test entry point: the service with failpoints between it and its ports.
 *
 * Invariant: its first lines are main.ts's own, so that a signal at any instant
 * finds what it would find there. `OMS_FAILPOINT` (plan.ts has the grammar) is
 * taken out of the environment before the service reads it.
 * Not promised: use outside of tests. It needs run permission to kill itself.
 */
import { denoSignals } from "@oms/lifecycle/signals";

const signals = denoSignals();
const { Failpoints } = await import("./failpoints.ts");
const { parsePlan } = await import("./plan.ts");
const failpoints = new Failpoints(
  parsePlan(Deno.env.get("OMS_FAILPOINT") ?? ""),
);
Deno.env.delete("OMS_FAILPOINT");
await failpoints.hit("first-line");
const { runService } = await import("../../../src/app.ts");
const { failpointSeams } = await import("./seams.ts");
await runService(signals, failpointSeams(failpoints));
await failpoints.hit("stopped");
