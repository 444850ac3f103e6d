import { assertStringIncludes } from "@std/assert";
import { sagaObserver } from "../../../src/app/observers.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { makeOrder, makeSaga, T0 } from "../../support/fixtures.ts";

Deno.test("resumed sagas are those of another process; one that was put off here is not", async () => {
  using metrics = createMetrics();
  const us = { owner: "us", startedAt: T0 };
  const observer = sagaObserver(metrics, us, () => {});
  const saga = makeSaga(makeOrder());
  const [before, after] = [T0 - 1, T0 + 1];
  // Accepted here, put off here, twice.
  observer.claimed({ ...saga, fence: 0, updatedAt: after });
  observer.claimed({ ...saga, fence: 3, updatedAt: after });
  observer.claimed({ ...saga, fence: 6, updatedAt: after });
  // Accepted, handed back, and left by a process that was killed.
  observer.claimed({ ...saga, fence: 0, updatedAt: before });
  observer.claimed({ ...saga, fence: 4, updatedAt: before });
  observer.claimed({ ...saga, fence: 2, owner: "dead", updatedAt: before });
  // Taken over from one that lives.
  observer.claimed({ ...saga, fence: 2, owner: "other", updatedAt: after });
  assertStringIncludes(await metrics.render(), "\noms_sagas_resumed_total 4\n");
});
