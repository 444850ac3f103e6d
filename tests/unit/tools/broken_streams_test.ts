import { assertEquals } from "@std/assert";
import { surviveBrokenStreams } from "../../../tools/client/broken_streams.ts";

/** Whether the error would end the program. */
function isFatal(error: unknown): boolean {
  const event = new ErrorEvent("error", { error, cancelable: true });
  return globalThis.dispatchEvent(event);
}

Deno.test("the end of a stream that nobody can catch does not end the tool; any other error does", () => {
  const ended = Object.assign(new Error("the stream has been canceled"), {
    code: "ERR_HTTP2_STREAM_CANCEL",
  });
  const others = [
    new Error("boom"),
    Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
    "text",
  ];
  {
    using _ = surviveBrokenStreams();
    assertEquals(isFatal(ended), false);
    assertEquals(others.map(isFatal), [true, true, true]);
  }
  assertEquals(isFatal(ended), true);
});
