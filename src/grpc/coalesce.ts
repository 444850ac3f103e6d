/**
 * One system call for what an event-loop turn writes to a socket.
 *
 * Deno's http2 writes each frame by itself: an answer is three (HEADERS, DATA, trailers), and a group commit answers
 * several calls of one connection at once. They leave together at the end of the turn.
 *
 * Invariants: the order of the bytes stays; what a turn writes is handed to the kernel before the next turn's events;
 * `end` and `destroy` hand over first what is held back.
 *
 * Does not promise: that the kernel takes it all; the rest waits in the socket's own queue, as ever.
 *
 * @module
 */

import type { Socket } from "node:net";

/** To be called once per socket. */
export function coalesceWrites(socket: Socket): void {
  const { write, destroy } = socket;
  const handOver = () => {
    if (socket.writableCorked > 0) socket.uncork();
  };
  // The parameters are those of the overloads: they are only passed on.
  socket.write = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      setImmediate(handOver);
    }
    return Reflect.apply(write, socket, args);
  };
  socket.destroy = (error) => {
    handOver();
    return destroy.call(socket, error);
  };
}
