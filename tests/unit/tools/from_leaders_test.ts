/** Asking a topic's leaders while they come and go. */
import { assertEquals, assertRejects } from "@std/assert";
import { fromLeaders } from "../../support/kafka/from_leaders.ts";

/** Throws these one after another, and answers then. */
function after(...errors: Error[]): () => Promise<string> {
  const left = [...errors];
  return () => {
    const error = left.shift();
    return error === undefined ? Promise.resolve("7") : Promise.reject(error);
  };
}

Deno.test("a leader that does not serve yet is asked again", async () => {
  const refused = Object.assign(new Error("not the leader"), {
    name: "KafkaJSProtocolError",
  });
  assertEquals(await fromLeaders("t", after(refused, refused)), "7");
});

Deno.test("what is no answer of a broker ends the asking at once", async () => {
  const lost = new Error("connection lost");
  await assertRejects(
    () => fromLeaders("t", after(lost)),
    Error,
    lost.message,
  );
});
