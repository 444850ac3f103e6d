import { assertEquals } from "@std/assert";
import { cutUtf8 } from "../../../src/events/dead_letter.ts";
import { RelayFixture } from "./fixtures.ts";

Deno.test("F43 one refused record among good ones goes to the dead-letter topic, the others to theirs, in order", async () => {
  const fixture = new RelayFixture(undefined, undefined, { batchSize: 8 });
  for (const order of ["a", "b", "a", "c", "a", "b"]) {
    fixture.outbox.add("order", order);
  }
  fixture.publisher.refuses = (record) =>
    record.topic !== "oms.dlq" &&
    record.headers["event-id"] === "ord_a:order:2";
  fixture.start();
  await fixture.clock.flush();
  const firsts = [...new Set(fixture.ids())];
  assertEquals(firsts, [
    "ord_a:order:1",
    "ord_b:order:1",
    "ord_c:order:1",
    "ord_a:order:3",
    "ord_b:order:2",
  ]);
  assertEquals(fixture.ids("oms.dlq"), ["ord_a:order:2"]);
  assertEquals(fixture.outbox.sent.size, 6);
  const dead = fixture.outbox.rows.filter(({ position }) =>
    fixture.outbox.dead.has(position)
  );
  assertEquals(dead.map(({ eventId }) => eventId), ["ord_a:order:2"]);
  await fixture.stop();
});

Deno.test("a dead letter carries the record's headers, why and when, and 1 KiB of its value", async () => {
  const fixture = new RelayFixture();
  const row = fixture.outbox.add("order", "a");
  const value = JSON.stringify({ id: row.eventId, text: "ä".repeat(2_000) });
  fixture.outbox.rows[0] = { ...row, value, traceparent: "00-1-2-01" };
  fixture.publisher.refuses = (record) => record.topic !== "oms.dlq";
  fixture.start();
  await fixture.clock.flush();
  const [letter] = fixture.publisher.written;
  assertEquals(letter?.headers, {
    "event-id": "ord_a:order:1",
    "event-type": "order.created",
    "traceparent": "00-1-2-01",
    "x-retry-count": "1",
    "x-original-topic": "oms.order.events",
    "x-error-message": "the fake broker refuses a record",
    "x-failed-at": new Date(fixture.clock.wallNow()).toISOString(),
  });
  assertEquals(letter?.key, "ord_a");
  assertEquals(letter?.value, cutUtf8(value, 1024));
  const bytes = new TextEncoder().encode(letter?.value).length;
  assertEquals(bytes === 1024 || bytes === 1023, true);
  await fixture.stop();
});

Deno.test("F43 a dead-letter topic that cannot be written is tried again; the refused event is not marked before", async () => {
  const fixture = new RelayFixture();
  fixture.outbox.add("order", "a");
  fixture.publisher.refuses = (record) => record.topic !== "oms.dlq";
  let away = true;
  fixture.publisher.decide = ([first]) =>
    first?.topic === "oms.dlq" && away
      ? { kind: "fail", written: 0 }
      : { kind: "ack" };
  fixture.start();
  await fixture.clock.advance(60_000);
  assertEquals(fixture.outbox.sent.size, 0);
  assertEquals(fixture.attempts.slice(0, 2), ["failed", "dlq_failed"]);
  assertEquals(new Set(fixture.attempts.slice(1)), new Set(["dlq_failed"]));
  away = false;
  await fixture.clock.advance(5_000);
  assertEquals(fixture.outbox.sent.size, 1);
  const letters = fixture.publisher.batches.filter(([first]) =>
    first?.topic === "oms.dlq"
  );
  for (const letter of letters) assertEquals(letter, letters[0]);
  assertEquals(fixture.attempts.at(-1), "dlq");
  await fixture.stop();
});

Deno.test("F82 what was acknowledged is counted as sent, a dead letter never", async () => {
  const fixture = new RelayFixture();
  fixture.outbox.add("order", "a");
  fixture.publisher.refuses = (record) => record.topic !== "oms.dlq";
  fixture.start();
  await fixture.clock.flush();
  assertEquals(fixture.attempts, ["failed", "dlq"]);
  fixture.publisher.refuses = () => false;
  fixture.commit("order", "a");
  await fixture.clock.flush();
  assertEquals(fixture.attempts, ["failed", "dlq", "sent"]);
  await fixture.clock.advance(1_000);
  assertEquals(fixture.backlogs.at(-1)?.deadLetters, 1);
  await fixture.stop();
});

Deno.test("cutting keeps whole characters", () => {
  assertEquals(cutUtf8("abc", 10), "abc");
  assertEquals(cutUtf8("äbc", 1), "");
  assertEquals(cutUtf8("a😀b", 4), "a");
  assertEquals(cutUtf8("a😀b", 5), "a😀");
});
