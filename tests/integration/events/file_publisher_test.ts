/** The file publisher on a real file system. */
import { assertEquals, assertRejects } from "@std/assert";
import { gunzipSync, gzipSync } from "node:zlib";
import { PublishError } from "../../../src/events/errors.ts";
import { FilePublisher } from "../../../src/events/file_publisher.ts";
import type { EventRecord } from "../../../src/events/publisher.ts";
import { eventFiles } from "../../support/ledger/event_files.ts";

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

async function gzip(path: string): Promise<void> {
  await Deno.writeFile(
    `${path}.gz`,
    new Uint8Array(gzipSync(await Deno.readFile(path))),
  );
  await Deno.remove(path);
}

Deno.test("F78 moved and packed, copied and cut, removed, replaced while it is open: nothing acknowledged later is missing", async () => {
  await inTempDir(async (path) => {
    const publisher = new FilePublisher(path);
    await publisher.publish([record("1"), record("2")], signal);
    await Deno.rename(path, `${path}.1`);
    await gzip(`${path}.1`);
    await publisher.publish([record("3")], signal);
    assertEquals(ids(await Deno.readTextFile(path)), ["3"]);
    assertEquals(
      ids(
        new TextDecoder().decode(
          gunzipSync(await Deno.readFile(`${path}.1.gz`)),
        ),
      ),
      ["1", "2"],
    );

    await Deno.copyFile(path, `${path}.2`);
    await Deno.truncate(path, 0);
    await publisher.publish([record("4")], signal);
    const text = await Deno.readTextFile(path);
    assertEquals([ids(text), text.includes("\0")], [["4"], false]);

    await Deno.remove(path);
    await publisher.publish([record("5")], signal);
    assertEquals(ids(await Deno.readTextFile(path)), ["5"]);

    await Deno.rename(path, `${path}.3`);
    await Deno.writeTextFile(path, "");
    await publisher.publish([record("6")], signal);
    assertEquals(ids(await Deno.readTextFile(path)), ["6"]);
    await publisher.close();
  });
});

Deno.test("F78 a full file gets a name of its own, a start goes on with the one that is not full", async () => {
  await inTempDir(async (path) => {
    const options = { maxBytes: 600 };
    for (const name of ["1", "2", "3", "4", "5", "6", "7"]) {
      const publisher = new FilePublisher(path, options);
      await publisher.publish([record(name), record(`${name}b`)], signal);
      await publisher.close();
    }
    const files = eventFiles(path);
    const sizes = files.map((each) => Deno.statSync(each).size);
    assertEquals(files.length, 4);
    assertEquals(sizes.every((size) => size > 0 && size <= 600), true);
    assertEquals(
      files.flatMap((each) => ids(Deno.readTextFileSync(each))),
      ["1", "2", "3", "4", "5", "6", "7"].flatMap((id) => [id, `${id}b`]),
    );
  });
});

Deno.test({
  name:
    "F75 a second publisher, of a process that got in without the store's lock, is refused until the first one has let go",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await inTempDir(async (path) => {
      const first = new FilePublisher(path);
      const second = new FilePublisher(path);
      await first.publish([record("1")], signal);
      const publish = () => second.publish([record("2")], signal);
      const { message } = await assertRejects(publish, PublishError);
      assertEquals(message.includes("another process"), true, message);
      await first.publish([record("3")], signal);
      await first.close();
      await publish();
      await second.close();
      assertEquals(ids(await Deno.readTextFile(path)), ["1", "3", "2"]);
    });
  },
});
