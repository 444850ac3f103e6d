/** Reading where a topic ends, while its leaders come and go. */
import { assertEquals, assertRejects } from "@std/assert";
import { offsetsOf } from "../../support/kafka/offsets.ts";

const END = [{ partition: 0, offset: "7", high: "7", low: "0" }];

/** Throws these one after another, and answers then. */
function admin(...errors: Error[]) {
  const left = [...errors];
  return {
    fetchTopicOffsets: () => {
      const error = left.shift();
      return error === undefined ? Promise.resolve(END) : Promise.reject(error);
    },
  };
}

Deno.test("a leader that does not serve yet is asked again", async () => {
  const refused = Object.assign(new Error("not the leader"), {
    name: "KafkaJSProtocolError",
  });
  assertEquals(await offsetsOf(admin(refused, refused), "t"), END);
});

Deno.test("what is no answer of a broker ends the reading at once", async () => {
  const lost = new Error("connection lost");
  await assertRejects(() => offsetsOf(admin(lost), "t"), Error, lost.message);
});
