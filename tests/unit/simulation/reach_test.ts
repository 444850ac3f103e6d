/** The simulation's own test: its histories get to where things go wrong. */
import { assertEquals } from "@std/assert";
import { runHistories } from "../../support/simulation/run.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const EXPECTED = [
  // Misfortunes.
  "crash",
  "stop",
  "forced stop",
  "pause",
  "wall",
  // What the engine meets.
  "key_used",
  "order_version",
  "saga_fence",
  "saga_not_claimable",
  "a lost commit is recognised",
  "a saga is taken over",
  "a call ends by LeaseEndedError",
  "a call ends by AbortError",
  "a provider's done",
  "a provider's declined",
  "a provider's decline of what took effect",
  "a provider's unknown_before",
  "a provider's unknown_after",
  "a provider's unknown_late",
  "a provider's misconfigured",
  "a provider's slow",
  "a provider's hang_before",
  "a provider's hang_after",
  // What clients meet.
  "a client asks again",
  "a client hears StoppingError",
  "a client hears StoreUnavailableError",
  // Where it all ends.
  "PENDING",
  "CONFIRMED",
  "CANCELED",
  "REFUNDED",
  "a pay is completed",
  "a pay is failed",
  "a pay is superseded",
  "a pay is parked",
  "a cancel is completed",
  "a cancel is parked",
  "a refund is completed",
  "a refund is failed",
];

Deno.test("histories reach every misfortune, every conflict and every end", async () => {
  // Always the same ones: a list of what luck brings would fail by luck.
  const { reached, failures } = await runHistories({ first: 1, count: 3_000 });
  assertEquals(EXPECTED.filter((what) => !reached.has(what)), []);
  assertEquals(failures, []);
});
