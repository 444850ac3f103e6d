/** The file publisher while others move, cut, remove and replace its file, also between any two of its calls. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { PublishError } from "../../../src/events/errors.ts";
import { FilePublisher } from "../../../src/events/file_publisher.ts";
import type { EventRecord } from "../../../src/events/publisher.ts";
import { nameAside } from "../../../src/events/rotated_name.ts";
import { cut, FakeDisk } from "../../support/fake_event_disk.ts";

const PATH = "events.ndjson";
/** Of each event here. */
const LINE_BYTES = 89;
const signal = new AbortController().signal;

function records(...ids: string[]): EventRecord[] {
  return ids.map((id) => ({
    topic: "oms.order.events",
    key: "ord_a",
    headers: { "event-id": id },
    value: `{"id":"${id}"}`,
  }));
}

/** As the relay does: the same batch again until it is acknowledged. */
async function deliver(publisher: FilePublisher, ...ids: string[]) {
  for (let tries = 0; tries < 5; tries++) {
    try {
      return await publisher.publish(records(...ids), signal);
    } catch (error) {
      assert(error instanceof PublishError);
    }
  }
  throw new Error("the publisher does not recover");
}

/** What the next start makes of the file: opened, its tail repaired. */
async function reopened(disk: FakeDisk): Promise<string[]> {
  const next = new FilePublisher(PATH, { files: disk });
  await next.publish([], signal);
  await next.close();
  return disk.ids(PATH);
}

Deno.test("F78 moved away between two batches: the old file is whole, the new one has what follows", async () => {
  const disk = new FakeDisk();
  const lines: string[] = [];
  const publisher = new FilePublisher(PATH, {
    files: disk,
    log: (level, line) => lines.push(`${level} ${line}`),
  });
  await publisher.publish(records("1", "2"), signal);
  disk.rename(PATH, "old");
  await publisher.publish(records("3"), signal);
  assertEquals(disk.ids("old"), ["1", "2"]);
  assertEquals(disk.ids(PATH), ["3"]);
  assertEquals(lines, [
    "info event file was moved or removed, a new one is begun",
  ]);
  await publisher.close();
  assertEquals([disk.opened, disk.closed], [2, 2]);
});

Deno.test("F78 moved away, or removed, amidst a batch: it is acknowledged in the file that has the name then", async () => {
  for (const call of ["look", "append", "sync"] as const) {
    for (const nth of [1, 2]) {
      const disk = new FakeDisk();
      const publisher = new FilePublisher(PATH, { files: disk });
      await publisher.publish(records("1", "2"), signal);
      let seen = 0;
      disk.before = (each) => {
        if (each === call && ++seen === nth) disk.rename(PATH, "old");
      };
      await deliver(publisher, "3", "4");
      const where = `${call} ${nth}`;
      // One sync a batch, unless the batch is written again.
      if (call !== "sync" || nth === 1) assert(seen >= nth, where);
      if (disk.names.has("old")) {
        assertEquals(disk.ids("old").slice(0, 2), ["1", "2"], where);
        assertEquals(disk.ids(PATH), ["3", "4"], where);
      }
      await publisher.close();
    }
  }
});

Deno.test("F78 cut by a copytruncate, then an append fails: what was acknowledged since stays, no zero byte comes in", async () => {
  const disk = new FakeDisk();
  const publisher = new FilePublisher(PATH, { files: disk });
  await publisher.publish(records("1", "2", "3"), signal);
  cut(disk.file(PATH), 0);
  for (const id of ["4", "5", "6"]) {
    await publisher.publish(records(id), signal);
  }
  disk.room = 20;
  await assertRejects(() => publisher.publish(records("7"), signal));
  disk.room = Infinity;
  assertEquals(disk.ids(PATH), ["4", "5", "6"]);
  await publisher.publish(records("7"), signal);
  await publisher.close();
  assertEquals(await reopened(disk), ["4", "5", "6", "7"]);
});

Deno.test("F78 cut at any moment of a batch, to nothing or behind a line: acknowledged means there, after the next start too", async () => {
  for (const call of ["look", "append", "sync", "size", "truncate"] as const) {
    for (const nth of [1, 2, 3]) {
      for (const left of [0, LINE_BYTES]) {
        const disk = new FakeDisk();
        const publisher = new FilePublisher(PATH, { files: disk });
        await publisher.publish(records("1", "2"), signal);
        // A failed append, so that the publisher cuts as well.
        disk.room = 20;
        let seen = 0;
        disk.before = (each) => {
          if (each === call && ++seen === nth) cut(disk.file(PATH), left);
        };
        await publisher.publish(records("3"), signal).catch(() => {});
        disk.room = Infinity;
        await deliver(publisher, "3");
        disk.before = () => {};
        await deliver(publisher, "4");
        const where = `${call} ${nth} ${left}`;
        assertEquals(disk.file(PATH).data.includes(0), false, where);
        assertEquals(disk.ids(PATH).slice(-2), ["3", "4"], where);
        await publisher.close();
        assertEquals((await reopened(disk)).slice(-2), ["3", "4"], where);
      }
    }
  }
});

Deno.test("F78 removed: what is acknowledged later is in the new file", async () => {
  const disk = new FakeDisk();
  const publisher = new FilePublisher(PATH, { files: disk });
  await publisher.publish(records("1"), signal);
  disk.names.delete(PATH);
  await publisher.publish(records("2"), signal);
  assertEquals(disk.ids(PATH), ["2"]);
  await publisher.close();
});

Deno.test("F78 a file of others takes the name: its whole lines stay, its torn one goes", async () => {
  const disk = new FakeDisk();
  const publisher = new FilePublisher(PATH, { files: disk });
  await publisher.publish(records("1", "2", "3"), signal);
  const before = disk.file(PATH).data;
  disk.make(PATH).data = before.slice(0, before.length - 5);
  await publisher.publish(records("4"), signal);
  assertEquals(disk.ids(PATH), ["1", "2", "4"]);
  await publisher.close();
});

Deno.test("F78 lines that another program appends stay, and ours behind them after a failed append", async () => {
  const disk = new FakeDisk();
  const lines: string[] = [];
  const publisher = new FilePublisher(PATH, {
    files: disk,
    log: (level, line) => lines.push(`${level} ${line}`),
  });
  await publisher.publish(records("1"), signal);
  const file = disk.file(PATH);
  file.data = new Uint8Array([...file.data, ...file.data]);
  await publisher.publish(records("2"), signal);
  disk.room = 20;
  await assertRejects(() => publisher.publish(records("3"), signal));
  disk.room = Infinity;
  await publisher.publish(records("3"), signal);
  assertEquals(disk.ids(PATH), ["1", "1", "2", "3"]);
  assertEquals(lines, ["warn event file was changed by another program"]);
  await publisher.close();
});

Deno.test("F78 a full file is set aside before the next batch, which is never torn over two", async () => {
  const disk = new FakeDisk();
  let now = 1_000;
  const size = (ids: string[]) => ids.length * LINE_BYTES;
  const publisher = new FilePublisher(PATH, {
    files: disk,
    maxBytes: size(["1", "2", "3"]),
    wallNow: () => now++,
  });
  await publisher.publish(records("1", "2"), signal);
  assertEquals(disk.file(PATH).data.length, size(["1", "2"]));
  await publisher.publish(records("3"), signal);
  await publisher.publish(records("4", "5", "6", "7", "8"), signal);
  await publisher.publish(records("9"), signal);
  assertEquals(
    [...disk.names.keys()].sort().map((name) => [name, disk.ids(name)]),
    [
      ["events.ndjson", ["9"]],
      ["events.ndjson.1000", ["1", "2", "3"]],
      ["events.ndjson.1001", ["4", "5", "6", "7", "8"]],
    ],
  );
  await publisher.close();
  assertEquals(disk.opened, disk.closed);
});

Deno.test("F78 names of full files rise, also when the clock stands still or goes back", () => {
  const now = Date.parse("2026-12-01T03:15:00.123Z");
  const taken = ["events.ndjson", "events.ndjson.1", "oms.db"];
  const first = nameAside("events.ndjson", taken, now);
  assertEquals(first, "events.20261201T031500123Z.ndjson");
  const second = nameAside("events.ndjson", [...taken, first], now);
  assertEquals(second, "events.20261201T031500124Z.ndjson");
  assertEquals(
    nameAside("events.ndjson", [first, second], now - 3_600_000),
    "events.20261201T031500125Z.ndjson",
  );
});
