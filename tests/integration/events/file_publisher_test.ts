/** The file publisher on a real file system. */
import { assertEquals, assertRejects } from "@std/assert";
import { PublishError } from "../../../src/events/errors.ts";
import { FilePublisher } from "../../../src/events/file_publisher.ts";
import type { EventRecord } from "../../../src/events/publisher.ts";

const signal = new AbortController().signal;

function record(id: string, topic = "oms.order.events"): EventRecord {
  return {
    topic,
    key: "ord_a",
    headers: { "event-id": id, "event-type": "order.created" },
    value: JSON.stringify({ id, text: "ünïcode" }),
  };
}

async function inTempDir(use: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "events_" });
  try {
    await use(`${directory}/events.ndjson`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function publish(path: string, ...ids: string[]): Promise<void> {
  const publisher = new FilePublisher(path);
  await publisher.publish(ids.map((id) => record(id)), signal);
  await publisher.close();
}

function ids(text: string): string[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line).value.id);
}

Deno.test("events are appended across openings, one JSON object a line", async () => {
  await inTempDir(async (path) => {
    await publish(path, "1", "2");
    await publish(path, "3");
    const text = await Deno.readTextFile(path);
    assertEquals(ids(text), ["1", "2", "3"]);
    assertEquals(JSON.parse(text.split("\n")[0] ?? ""), {
      topic: "oms.order.events",
      key: "ord_a",
      headers: { "event-id": "1", "event-type": "order.created" },
      value: { id: "1", text: "ünïcode" },
    });
  });
});

Deno.test("F43 killed in the middle of a line: the torn tail is gone after the next opening", async () => {
  await inTempDir(async (path) => {
    await publish(path, "1", "2");
    const whole = await Deno.readFile(path);
    for (let cut = 1; cut < whole.length; cut += 7) {
      await Deno.writeFile(path, whole.subarray(0, cut));
      await publish(path, "9");
      const text = await Deno.readTextFile(path);
      const before = new TextDecoder().decode(whole.subarray(0, cut));
      const lines = before.split("\n").length - 1;
      assertEquals(ids(text), [...["1", "2"].slice(0, lines), "9"]);
    }
  });
});

Deno.test("F43 a tail longer than one reading step is cut off too", async () => {
  await inTempDir(async (path) => {
    await publish(path, "1");
    await Deno.writeTextFile(path, "x".repeat(200_000), { append: true });
    await publish(path, "2");
    assertEquals(ids(await Deno.readTextFile(path)), ["1", "2"]);
  });
});

Deno.test("a directory that is missing is an error to retry, and heals", async () => {
  await inTempDir(async (path) => {
    const deeper = path.replace("events.ndjson", "later/events.ndjson");
    const publisher = new FilePublisher(deeper);
    await assertRejects(
      () => publisher.publish([record("1")], signal),
      PublishError,
      deeper,
    );
    await Deno.mkdir(path.replace("events.ndjson", "later"));
    await publisher.publish([record("1")], signal);
    assertEquals(ids(await Deno.readTextFile(deeper)), ["1"]);
    await publisher.close();
  });
});
