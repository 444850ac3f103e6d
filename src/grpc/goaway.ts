/**
 * HTTP/2 frames that say goodbye (RFC 9113, section 6.8), for sockets that
 * node:http2 does not hold, or that it would close with them.
 *
 * @module
 */

import { Buffer } from "node:buffer";

function frame(type: number, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([0, 0, payload.length, type, 0, 0, 0, 0, 0]),
    payload,
  ]);
}

/** The last stream's number, NO_ERROR. */
function goaway(lastStream: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStream, 0);
  return frame(7, payload);
}

/** "Use another connection": no stream is refused, now or later. */
export const END_IS_NEAR = goaway(2 ** 31 - 1);

/** To a peer that has got nothing yet: settings come first. No stream of it was looked at. */
export const NOT_SERVED = Buffer.concat([frame(4, Buffer.alloc(0)), goaway(0)]);
