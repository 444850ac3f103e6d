/** The ledger on the records of a real, small run: sound as they are, and with each defect on purpose. */
import { assertEquals, assertThrows } from "@std/assert";
import { toRecord } from "../../../src/events/dead_letter.ts";
import { FilePublisher } from "../../../src/events/file_publisher.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import type { Store } from "../../../src/storage/store.ts";
import { FileRecorder } from "../../../tools/load/intents.ts";
import { startLoad } from "../../../tools/load/run.ts";
import { Target } from "../../../tools/load/target.ts";
import { startProviderServer } from "../../../tools/providers/server.ts";
import { judgeFiles, type LedgerPaths } from "../../support/ledger/mod.ts";
import { TOPICS } from "../../support/ledger/read_events.ts";
import { sabotage } from "../../support/ledger/sabotage.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { startInProcess } from "../tools/fixtures/in_process.ts";
import { until } from "../../support/until.ts";

function pathsIn(dir: string): LedgerPaths {
  return {
    intents: `${dir}/intents.ndjson`,
    effects: `${dir}/effects.ndjson`,
    dataDir: dir,
  };
}

/** Runs a few orders through store, providers and publisher; all is closed at the end. */
async function smallRun(dir: string): Promise<void> {
  await using providers = await startProviderServer({
    ledgerPath: pathsIn(dir).effects,
    knobs: { latency_ms: 0, jitter_ms: 2, decline_rate: 0.1 },
  });
  const store = await openSqliteStore({ dir, owner: "test", onFatal() {} });
  await using service = await startInProcess({
    store,
    providersUrl: providers.url,
  });
  using target = new Target(service.address);
  using recorder = new FileRecorder(pathsIn(dir).intents);
  const never = new AbortController().signal;
  const run = startLoad({
    target,
    recorder,
    mode: "mixed",
    rps: 150,
    durationMs: 300,
    concurrency: 16,
    deadlineMs: 5_000,
    retries: 5,
    seed: 1,
    replayShare: 0.2,
    doublePayShare: 0.2,
    stopping: never,
    signal: never,
  });
  await run.done;
  assertEquals(run.stats.flowsFailed, 0);
  await until(
    "settled sagas",
    async () => (await store.sagaStats()).oldestUnfinishedAt === null,
  );
  await publishAll(store, `${dir}/events.ndjson`);
}

async function publishAll(store: Store, path: string): Promise<void> {
  const publisher = new FilePublisher(path);
  for (const topic of ["order", "saga"] as const) {
    const rows = await store.outbox(topic, 0, 10_000);
    await publisher.publish(
      rows.map((row) => toRecord(row, TOPICS[topic])),
      new AbortController().signal,
    );
    await store.markSent(rows.map(({ position }) => position), Date.now());
  }
  await publisher.close();
}

async function copyOf(dir: string, name: string): Promise<string> {
  const copy = `${dir}/${name}`;
  await Deno.mkdir(copy);
  for await (const { name, isFile } of Deno.readDir(dir)) {
    if (isFile) await Deno.copyFile(`${dir}/${name}`, `${copy}/${name}`);
  }
  return copy;
}

Deno.test("a real run is sound, and each defect on purpose is found in it", async () => {
  await withTempDir(async (dir) => {
    await smallRun(dir);
    const sound = judgeFiles(pathsIn(dir));
    assertEquals(sound.problems, []);
    assertEquals(sound.effects, sound.acknowledged);
    assertEquals(sound.acknowledged > 45, true);

    const expected = {
      "double-charge": "duplicated",
      "lost-event": "gap",
      "dropped-order": "lost",
    } as const;
    for (
      const what of ["double-charge", "lost-event", "dropped-order"] as const
    ) {
      const paths = pathsIn(await copyOf(dir, what));
      sabotage(what, paths, () => 0.5);
      const verdict = judgeFiles(paths);
      assertEquals(verdict.ok, false, what);
      assertEquals(verdict.counts[expected[what]] > 0, true, what);
      assertEquals(verdict.story !== null, true, what);
    }
  });
});

Deno.test("a run without records cannot be judged, and cannot be sabotaged", async () => {
  await withTempDir(async (dir) => {
    const paths = pathsIn(dir);
    assertThrows(() => judgeFiles(paths), Error);
    assertThrows(
      () => sabotage("double-charge", paths, () => 0),
      Error,
      "the run has no charge",
    );
    await Promise.resolve();
  });
});
