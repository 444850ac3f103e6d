/** The file publisher against a file that fails: what a full disk does, without one. */
import { assertEquals, assertRejects } from "@std/assert";
import { PublishError } from "../../../src/events/errors.ts";
import { FilePublisher } from "../../../src/events/file_publisher.ts";
import { endOfWholeLines, toLine } from "../../../src/events/ndjson.ts";
import {
  type EventRecord,
  LARGEST_BATCH,
} from "../../../src/events/publisher.ts";
import { FakeDisk } from "../../support/fake_event_disk.ts";
import { until } from "../../support/until.ts";

const PATH = "events.ndjson";
const signal = new AbortController().signal;

function record(id: string): EventRecord {
  return {
    topic: "oms.order.events",
    key: "ord_a",
    headers: { "event-id": id },
    value: `{"id":"${id}"}`,
  };
}

Deno.test("a batch is whole and synced when it is acknowledged", async () => {
  const disk = new FakeDisk();
  const publisher = new FilePublisher(PATH, { files: disk });
  assertEquals(publisher.state, "unknown");
  await publisher.publish([record("1"), record("2")], signal);
  assertEquals(disk.synced, disk.file(PATH).data.length);
  assertEquals(disk.lines(PATH).length, 3);
  assertEquals(publisher.state, "up");
  await publisher.close();
});

Deno.test("F43 no space in the middle of a line: nothing torn is left, and the same batch goes in later", async () => {
  const disk = new FakeDisk();
  const publisher = new FilePublisher(PATH, { files: disk });
  await publisher.publish([record("1")], signal);
  const before = disk.file(PATH).data;
  disk.room = 150;
  await assertRejects(
    () => publisher.publish([record("2"), record("3")], signal),
    PublishError,
    "No space left on device",
  );
  assertEquals(disk.file(PATH).data, before);
  assertEquals(publisher.state, "down");
  disk.room = Infinity;
  await publisher.publish([record("2"), record("3")], signal);
  assertEquals(disk.ids(PATH), ["1", "2", "3"]);
  assertEquals(publisher.state, "up");
  assertEquals(publisher.lastError, null);
  await publisher.close();
});

Deno.test("F43 a torn tail that could not be cut off at once is cut off by the next opening", async () => {
  const disk = new FakeDisk();
  const publisher = new FilePublisher(PATH, { files: disk });
  await publisher.publish([record("1")], signal);
  disk.room = 150;
  disk.failTruncate = true;
  await assertRejects(() =>
    publisher.publish([record("2"), record("3")], signal)
  );
  await assertRejects(() => publisher.publish([record("2")], signal));
  disk.room = Infinity;
  disk.failTruncate = false;
  await publisher.publish([record("2"), record("3")], signal);
  assertEquals(disk.ids(PATH), ["1", "2", "3"]);
  await publisher.close();
});

Deno.test("a failed sync is not acknowledged and leaves nothing", async () => {
  const disk = new FakeDisk();
  disk.failSync = true;
  const publisher = new FilePublisher(PATH, { files: disk });
  await assertRejects(
    () => publisher.publish([record("1")], signal),
    PublishError,
  );
  assertEquals(disk.file(PATH).data.length, 0);
  await publisher.close();
});

Deno.test("batches that come at one time are written one after the other", async () => {
  const disk = new FakeDisk();
  const publisher = new FilePublisher(PATH, { files: disk });
  await Promise.all(
    ["1", "2", "3"].map((id) => publisher.publish([record(id)], signal)),
  );
  assertEquals(disk.ids(PATH), ["1", "2", "3"]);
  assertEquals(disk.opened, 1);
  await publisher.close();
});

Deno.test("a close waits for the batch that is being written, then closes the file", async () => {
  const disk = new FakeDisk();
  const synced = Promise.withResolvers<void>();
  disk.syncing = synced.promise;
  const publisher = new FilePublisher(PATH, { files: disk });
  const publishing = publisher.publish([record("1")], signal);
  await until("it is written", () => disk.lines(PATH).length > 1);
  let ended = false;
  const closing = publisher.close().then(() => ended = true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([ended, disk.closed], [false, 0]);
  synced.resolve();
  await closing;
  await publishing;
  assertEquals([disk.synced, disk.closed], [disk.file(PATH).data.length, 1]);
});

Deno.test("publishing after close is refused", async () => {
  const publisher = new FilePublisher(PATH, { files: new FakeDisk() });
  await publisher.close();
  await assertRejects(
    () => publisher.publish([record("1")], signal),
    PublishError,
    "closed",
  );
});

Deno.test("the value is embedded byte for byte; what is no JSON becomes a string", () => {
  const value = '{"id":"1",  "amount":9007199254740993}';
  assertEquals(
    toLine({ topic: "t", key: "k", headers: { a: "b" }, value }),
    `{"topic":"t","key":"k","headers":{"a":"b"},"value":${value}}\n`,
  );
  const cut = toLine({ topic: "t", key: "k", headers: {}, value: '{"id":"' });
  assertEquals(JSON.parse(cut).value, '{"id":"');
  const lines = toLine({ topic: "t", key: "k", headers: {}, value: "[\n1]" });
  assertEquals(lines.indexOf("\n"), lines.length - 1);
});

Deno.test("the last line end is found also when it lies several steps back", async () => {
  for (const [size, newline] of [[0, -1], [10, -1], [10, 9], [300_000, 5]]) {
    const bytes = new Uint8Array(size ?? 0).fill(0x61);
    if (newline !== undefined && newline >= 0) bytes[newline] = 0x0a;
    const end = await endOfWholeLines({
      readAt: (buffer, position) => {
        buffer.set(bytes.subarray(position, position + buffer.length));
        return Promise.resolve(buffer.length);
      },
    }, bytes.length);
    assertEquals(end, (newline ?? -1) + 1);
  }
});

Deno.test("of a file that somebody else has filled with zero bytes no more goes than one batch", async () => {
  const bytes = new TextEncoder().encode("\0\n".repeat(3 * LARGEST_BATCH));
  const end = await endOfWholeLines({
    readAt: (buffer, position) => {
      buffer.set(bytes.subarray(position, position + buffer.length));
      return Promise.resolve(buffer.length);
    },
  }, bytes.length);
  assertEquals(end, "\0\n".length * 2 * LARGEST_BATCH);
});

Deno.test("F43 power lost in the middle of a batch: lines behind a part that is missing go, those before it stay", async () => {
  const disk = new FakeDisk();
  const before = new FilePublisher(PATH, { files: disk });
  await before.publish([record("1"), record("2")], signal);
  const certain = disk.file(PATH).data.length;
  await before.publish(["3", "4", "5"].map(record), signal);
  await before.close();
  // The middle of line 3 has not got to the disk; lines 4 and 5 have.
  disk.file(PATH).data.fill(0, certain + 20, certain + 40);
  const after = new FilePublisher(PATH, { files: disk });
  await after.publish([record("9")], signal);
  assertEquals(disk.ids(PATH), ["1", "2", "9"]);
  await after.close();
});
