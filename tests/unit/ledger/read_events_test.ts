import { gzipSync } from "node:zlib";
import { assertEquals, assertThrows } from "@std/assert";
import {
  type ConsumedRecord,
  eventOf,
  readEvents,
} from "../../support/ledger/read_events.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const ID = "ord_1:saga:2";
const VALUE =
  `{"id":"${ID}","event_type":"step.paid","seq":2, "occurred_at":"2026-01-01T00:00:00Z","payload":{"order_id":"ord_1"}}`;

function record(change: Partial<ConsumedRecord> = {}): ConsumedRecord {
  return {
    topic: "oms.saga.events",
    key: "ord_1",
    headers: { "event-id": ID, "event-type": "step.paid" },
    value: VALUE,
    ...change,
  };
}

Deno.test("an event keeps the bytes of its value", () => {
  const event = eventOf(record());
  assertEquals([event.topic, event.seq, event.id], ["saga", 2, ID]);
  assertEquals(event.value, VALUE);
});

Deno.test("a dead letter stands for its event, whose value it has not", () => {
  for (const id of [ID, `${ID}:g12-0a1b2c3d`]) {
    const event = eventOf(record({
      topic: "oms.dlq",
      headers: { "event-id": id, "x-original-topic": "oms.saga.events" },
      value: "cut",
    }));
    assertEquals([event.topic, event.seq, event.id], ["saga", 2, id]);
    assertEquals(event.value, null);
  }
});

Deno.test("headers or a key that contradict the value are refused", () => {
  const wrong = { "event-id": "other", "event-type": "step.paid" };
  assertThrows(() => eventOf(record({ headers: wrong })), Error);
  assertThrows(() => eventOf(record({ key: "ord_2" })), Error);
  assertThrows(() => eventOf(record({ value: "{}" })), Error);
  assertThrows(() => eventOf(record({ topic: "other" })), Error);
});

Deno.test("lines of the event file are read byte for byte, a torn last one is dropped", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/events.ndjson`;
    assertEquals(readEvents(path), []);
    const { topic, key, headers } = record();
    const head = JSON.stringify({ topic, key, headers }).slice(0, -1);
    const line = `${head},"value":${VALUE}}`;
    await Deno.writeTextFile(path, `${line}\n${line.slice(0, 50)}`);
    assertEquals(readEvents(path).map(({ value }) => value), [VALUE]);
  });
});

Deno.test("F78 events are read from all files, what was set aside first and in its order", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/events.ndjson`;
    const line = (seq: number) => {
      const id = `ord_1:saga:${seq}`;
      const { topic, key } = record();
      const headers = { "event-id": id, "event-type": "step.paid" };
      const head = JSON.stringify({ topic, key, headers }).slice(0, -1);
      const value = VALUE.replaceAll(ID, id)
        .replace('"seq":2', `"seq":${seq}`);
      return `${head},"value":${value}}\n`;
    };
    const files: [string, number, number][] = [
      ["events.ndjson-20261201.gz", 2, 2_000],
      ["events.ndjson.1", 1, 1_000],
      ["events.20261201T031500124Z.ndjson", 4, 500],
      ["events.20261201T031500123Z.ndjson", 3, 600],
      ["events.ndjson", 5, 400],
    ];
    for (const [name, seq, at] of files) {
      const bytes = new TextEncoder().encode(line(seq));
      await Deno.writeFile(
        `${dir}/${name}`,
        name.endsWith(".gz") ? new Uint8Array(gzipSync(bytes)) : bytes,
      );
      await Deno.utime(`${dir}/${name}`, at, at);
    }
    await Deno.writeTextFile(`${dir}/other.ndjson`, "no event");
    assertEquals(readEvents(path).map(({ seq }) => seq), [1, 2, 3, 4, 5]);
  });
});
