/**
 * What every Store keeps, run over each driver: the promises of src/storage/store.ts, one test each.
 * A harness stands for one place where data lives; `open` again is a restart under another owner.
 */
import type { Leases } from "../../src/storage/store.ts";
import { clockConformance } from "./store_conformance_clock.ts";
import { commitConformance } from "./store_conformance_commit.ts";
import {
  exclusiveConformance,
  timedConformance,
} from "./store_conformance_leases.ts";
import { generationConformance } from "./store_conformance_generation.ts";
import { outboxConformance } from "./store_conformance_outbox.ts";
import { queueConformance } from "./store_conformance_queue.ts";
import { raceConformance } from "./store_conformance_races.ts";
import { readConformance } from "./store_conformance_reads.ts";
import { sagaConformance } from "./store_conformance_sagas.ts";
import { conformanceTest, type MakeHarness } from "./store_harness.ts";

export function storeConformance(
  driver: string,
  make: MakeHarness,
  leases: Leases["kind"] = "exclusive",
): void {
  const test = conformanceTest(driver, make);
  commitConformance(test);
  queueConformance(test);
  readConformance(test);
  clockConformance(test);
  sagaConformance(test);
  if (leases === "timed") timedConformance(test);
  else exclusiveConformance(test);
  outboxConformance(test);
  generationConformance(test);
  raceConformance(test);
}
