import { assertEquals } from "@std/assert";
import { type ByteSink, LineWriter } from "../../../src/telemetry/writer.ts";

/** A sink whose writes wait until they are let through. */
class GatedSink implements ByteSink {
  text = "";
  writes = 0;
  #waiting: (() => void)[] = [];
  open = false;

  write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    const take = () => {
      this.text += new TextDecoder().decode(bytes);
      return bytes.length;
    };
    if (this.open) return Promise.resolve(take());
    return new Promise((resolve) => this.#waiting.push(() => resolve(take())));
  }

  release(): void {
    this.open = true;
    for (const go of this.#waiting.splice(0)) go();
  }
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("lines of one turn share one write, in order", async () => {
  const sink = new GatedSink();
  sink.open = true;
  const writer = new LineWriter({ sink });
  writer.write("a");
  writer.write("b");
  assertEquals(await writer.flush(1_000), true);
  assertEquals([sink.text, sink.writes], ["a\nb\n", 1]);
});

Deno.test("a blocked sink costs the oldest lines, and says so when it goes on", async () => {
  const sink = new GatedSink();
  const losses: number[] = [];
  const writer = new LineWriter({
    sink,
    maxPending: 10,
    onDropped: (lines) => losses.push(lines),
    lossNotice: (lines) => `lost ${lines}`,
  });
  writer.write("first");
  await tick();
  for (const line of ["aaaa", "bbbb", "cccc", "dddd"]) writer.write(line);
  assertEquals(writer.dropped, 2);
  assertEquals(losses, [1, 1]);
  sink.release();
  assertEquals(await writer.flush(1_000), true);
  assertEquals(sink.text, "first\nlost 2\ncccc\ndddd\n");
});

Deno.test("a line larger than the queue is dropped alone", async () => {
  const sink = new GatedSink();
  sink.open = true;
  const writer = new LineWriter({ sink, maxPending: 10 });
  writer.write("ok");
  writer.write("x".repeat(50));
  await writer.flush(1_000);
  assertEquals([sink.text, writer.dropped], ["ok\n", 1]);
});

Deno.test("flush gives up at its time and leaves no timer", async () => {
  const sink = new GatedSink();
  const writer = new LineWriter({ sink });
  writer.write("a");
  assertEquals(await writer.flush(5), false);
  sink.release();
  assertEquals(await writer.flush(1_000), true);
});

Deno.test("flush of an idle writer is immediate", async () => {
  assertEquals(await new LineWriter({ sink: new GatedSink() }).flush(0), true);
});

Deno.test("a sink that takes a part gets the rest", async () => {
  const taken: number[] = [];
  const sink: ByteSink = {
    write(bytes) {
      const count = Math.min(2, bytes.length);
      taken.push(...bytes.subarray(0, count));
      return Promise.resolve(count);
    },
  };
  const writer = new LineWriter({ sink });
  writer.write("abcdé");
  assertEquals(await writer.flush(1_000), true);
  assertEquals(new TextDecoder().decode(Uint8Array.from(taken)), "abcdé\n");
});

Deno.test("a non-blocking sink that is full is tried again", async () => {
  let refusals = 3;
  let text = "";
  const writer = new LineWriter({
    sink: {
      write(bytes) {
        if (refusals-- > 0) {
          return Promise.reject(new Deno.errors.WouldBlock("full"));
        }
        text += new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
    },
  });
  writer.write("a");
  assertEquals(await writer.flush(1_000), true);
  assertEquals(text, "a\n");
});

Deno.test("F05 a closed pipe is final: every line is counted, none throws", async () => {
  let attempts = 0;
  const writer = new LineWriter({
    sink: {
      write() {
        attempts++;
        return Promise.reject(new Deno.errors.BrokenPipe("EPIPE"));
      },
    },
  });
  writer.write("a");
  writer.write("b");
  assertEquals(await writer.flush(1_000), false);
  assertEquals(writer.dropped, 2);
  writer.write("c");
  assertEquals([writer.dropped, attempts], [3, 1]);
});

Deno.test("close drops what waits, and ends a retry at once", async () => {
  const writer = new LineWriter({
    sink: { write: () => Promise.reject(new Deno.errors.WouldBlock("full")) },
  });
  writer.write("a");
  await tick();
  writer.write("b");
  writer.close();
  writer.write("c");
  await writer.flush(1_000);
  assertEquals(writer.dropped, 3);
});

Deno.test("a line written while the last write ends is not left behind", async () => {
  // Some number of microtasks lies between the loop's last look at its queue
  // and its end: try each.
  for (let turns = 0; turns < 20; turns++) {
    const sink = new GatedSink();
    sink.open = true;
    const writer = new LineWriter({ sink });
    writer.write("first");
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    writer.write("second");
    await writer.flush(1_000);
    assertEquals(sink.text, "first\nsecond\n", `after ${turns} turns`);
  }
});
