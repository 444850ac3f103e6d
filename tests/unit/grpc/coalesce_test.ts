import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import { coalesceWrites } from "../../../src/grpc/coalesce.ts";

/** A socket without a network: each hand-over to the kernel is one entry. */
class Recorder extends Socket {
  readonly handedOver: string[] = [];

  override _write(
    chunk: Buffer | string,
    _encoding: string,
    done: () => void,
  ): void {
    this.handedOver.push(String(chunk));
    done();
  }

  override _writev(
    chunks: { chunk: Buffer }[],
    done: () => void,
  ): void {
    const bytes = Buffer.concat(chunks.map(({ chunk }) => Buffer.from(chunk)));
    this.handedOver.push(bytes.toString());
    done();
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

function recorder(): Recorder {
  const socket = new Recorder();
  coalesceWrites(socket);
  return socket;
}

Deno.test("what one turn writes leaves together and in order, also from its microtasks", async () => {
  const socket = recorder();
  socket.write("a");
  queueMicrotask(() => socket.write("b"));
  await Promise.resolve();
  socket.write("c");
  assertEquals(socket.handedOver, []);
  await turn();
  assertEquals(socket.handedOver, ["abc"]);
  socket.write("d");
  await turn();
  assertEquals(socket.handedOver, ["abc", "d"]);
  socket.destroy();
});

Deno.test("destroy hands over first what is held back", () => {
  const socket = recorder();
  socket.write("answer");
  socket.write("trailers");
  socket.destroy();
  assertEquals(socket.handedOver, ["answertrailers"]);
});

Deno.test("end hands over at once what is held back", async () => {
  const socket = recorder();
  socket.write("last");
  socket.end();
  assertEquals(socket.handedOver, ["last"]);
  await turn();
  assertEquals(socket.handedOver, ["last"]);
  socket.destroy();
});
