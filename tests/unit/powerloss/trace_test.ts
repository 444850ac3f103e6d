/** strace's lines, and what the service says on its sockets. */
import { assertEquals } from "@std/assert";
import { readSent } from "../../support/powerloss/answers.ts";
import { parseTrace, strings } from "../../support/powerloss/trace.ts";

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`)
    .join("");
}

function frame(type: number, stream: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  return new Uint8Array([0, 0, length, type, 0, 0, 0, 0, stream, ...payload]);
}

/** gRPC's prefix and a message. */
function message(...bytes: number[]): Uint8Array {
  return new Uint8Array([0, 0, 0, 0, bytes.length, ...bytes]);
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

Deno.test("a call that other threads' lines interrupt begins and ends where its lines are", () => {
  const events = parseTrace([
    '1 pwrite64(3</a>, "\\x61", 1, 0 <unfinished ...>',
    "2 fsync(4</b>) = 0",
    "1 <... pwrite64 resumed>) = 1",
    "",
  ].join("\n"));
  const [first, , , last] = events;
  assertEquals(events.map(({ kind, call }) => `${kind} ${call.name}`), [
    "begin pwrite64",
    "begin fsync",
    "end fsync",
    "end pwrite64",
  ]);
  assertEquals(first?.call, last?.call);
  assertEquals(first?.call.result, 1);
  assertEquals(strings(first?.call.args ?? ""), [new Uint8Array([0x61])]);
});

Deno.test("what a killed thread was about to call is no call, on one line or on two", () => {
  const events = parseTrace([
    "1 ???( <unfinished ...>) = ?",
    "2 ???( <unfinished ...>",
    "1 +++ killed by SIGKILL +++",
    "2 <... ??? resumed>)                = ?",
    "",
  ].join("\n"));
  assertEquals(events, []);
});

Deno.test("how much a killed thread's last write took is not known when it is said not to be all", () => {
  const events = parseTrace([
    '1 pwrite64(3</a>, "", 4096, 4096 <unfinished ...>',
    '2 pwrite64(3</a>, "", 24, 0) = 24',
    "1 <... pwrite64 resumed>) = 11",
    '3 write(3</a>, "", 24) = -1 EIO (Input/output error)',
    "4 lseek(3</a>, 0, SEEK_END) = 8192",
    "1 +++ killed by SIGKILL +++",
    "2 +++ killed by SIGKILL +++",
    "3 +++ killed by SIGKILL +++",
    "4 +++ killed by SIGKILL +++",
    "",
  ].join("\n"));
  assertEquals(
    events.map(({ kind, call }) => [kind, call.name, call.result]),
    [
      ["begin", "pwrite64", null],
      ["begin", "pwrite64", 24],
      ["end", "pwrite64", 24],
      ["end", "pwrite64", null],
      ["begin", "write", null],
      ["end", "write", null],
      ["begin", "lseek", 8192],
      ["end", "lseek", 8192],
    ],
  );
});

Deno.test("answers are told by connection and stream, at the write that begins them", () => {
  const socket = "9<socket:[77]>";
  const answer = frame(0, 3, message(42));
  const events = parseTrace([
    `1 sendto(${socket}, "${
      hex(joined(frame(4, 0, new Uint8Array()), frame(0, 1, message(1, 2))))
    }", 99, MSG_NOSIGNAL, NULL, 0) = 99`,
    `1 write(8</a>, "${hex(frame(0, 5, message(9)))}", 99) = 99`,
    `1 write(${socket}, "${hex(answer.subarray(0, 4))}", 4) = 4`,
    `1 write(${socket}, "${hex(answer.subarray(4))}", 11) = 11`,
    "",
  ].join("\n"));
  assertEquals(
    readSent(events).answers.map(({ stream, at, message }) => ({
      stream,
      at,
      message: [...message],
    })),
    [
      { stream: 1, at: 0, message: [1, 2] },
      { stream: 3, at: 4, message: [42] },
    ],
  );
});

Deno.test("what a short write did not take is sent by the next one", () => {
  const answer = frame(0, 1, message(42));
  const events = parseTrace([
    `1 write(9<socket:[1]>, "${hex(answer)}", 15) = 4`,
    `1 write(9<socket:[1]>, "${hex(answer.subarray(4))}", 11) = 11`,
    "",
  ].join("\n"));
  assertEquals(readSent(events).answers.map(({ at }) => at), [0]);
});

Deno.test("requests of providers are told by their keys", () => {
  const request = new TextEncoder().encode(
    "POST /charges HTTP/1.1\r\nidempotency-key: saga_01-a:charge\r\n\r\n",
  );
  const events = parseTrace(
    `1 write(9<socket:[5]>, "${hex(request)}", 60) = 60\n`,
  );
  assertEquals(readSent(events).requests, [
    { sagaId: "saga_01-a", step: "charge", at: 0 },
  ]);
});
