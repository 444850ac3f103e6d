/**
 * HTTP/2 frames by hand, for what no library would send.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";

/** Frame types (RFC 9113, section 6). */
export const FrameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Frame flags. */
export const Flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4 } as const;

/** What a client says first. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** One frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block of literals, not indexed; names and values under 127 bytes. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) =>
    Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(
    Object.entries(headers).map(([name, value]) =>
      Buffer.concat([Buffer.from([0]), text(name), text(value)])
    ),
  );
}

/** The headers of a gRPC call. */
export function grpcHeaders(
  path: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "test",
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  };
}

/** A gRPC message with its five-byte prefix. */
export function grpcMessage(bytes: Uint8Array, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** A frame that came in. */
export interface Received {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A TCP connection that sends what it is told. */
export class RawConnection implements Disposable {
  readonly socket: Socket;
  /** Resolves when the connection has ended, by whom and how ever. */
  readonly closed: Promise<void>;
  #bytes = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {
      // A reset by the server is an expected end.
    });
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
    });
  }

  static open(host: string, port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new RawConnection(socket));
      });
    });
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Preface and empty settings. */
  greet(): void {
    this.send(PREFACE, frame(FrameType.settings, 0, 0));
  }

  /** A whole unary call. */
  call(stream: number, path: string, request: Uint8Array): void {
    this.send(
      frame(
        FrameType.headers,
        Flag.endHeaders,
        stream,
        headerBlock(grpcHeaders(path)),
      ),
      frame(FrameType.data, Flag.endStream, stream, grpcMessage(request)),
    );
  }

  /** What each GOAWAY that came in names as the last stream. */
  lastStreams(): number[] {
    return this.frames().filter(({ type }) => type === FrameType.goaway)
      .map(({ payload }) => payload.readUInt32BE(0) & 0x7fffffff);
  }

  /** All that came in. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The whole frames that came in. */
  frames(): Received[] {
    const found: Received[] = [];
    let at = 0;
    while (at + 9 <= this.#bytes.length) {
      const end = at + 9 + this.#bytes.readUIntBE(at, 3);
      if (end > this.#bytes.length) break;
      found.push({
        type: this.#bytes[at + 3] ?? 0,
        flags: this.#bytes[at + 4] ?? 0,
        stream: this.#bytes.readUInt32BE(at + 5),
        payload: this.#bytes.subarray(at + 9, end),
      });
      at = end;
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** An answer to {@link request}. */
export interface Http2Answer {
  readonly headers: Record<string, unknown>;
  readonly trailers: Record<string, unknown>;
}

/** One request by a plain HTTP/2 client. */
export async function request(
  served: { readonly address: string },
  headers: Record<string, string>,
  body?: Uint8Array,
): Promise<Http2Answer> {
  const session = connectHttp2(`http://${served.address}`);
  const closed = new Promise<void>((resolve) => session.once("close", resolve));
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request(headers, {
        endStream: body === undefined,
      });
      let received = {};
      let trailers = {};
      stream.on("response", (all) => received = { ...all });
      stream.on("trailers", (all) => trailers = { ...all });
      stream.on("error", reject);
      stream.on("close", () => resolve({ headers: received, trailers }));
      stream.resume();
      if (body !== undefined) stream.end(Buffer.from(body));
    });
  } finally {
    session.close();
    await closed;
  }
}

/** The gRPC status of an answer, in headers or trailers. */
export const grpcStatus = ({ headers, trailers }: Http2Answer): number =>
  Number(trailers["grpc-status"] ?? headers["grpc-status"]);
