/**
 * What the service sends on its sockets: the answers of its gRPC server by HTTP/2 stream, and the keys of its
 * calls to providers, each at the event of the trace that sent its first byte.
 *
 * An answer counts from the moment the service asks the kernel to send it, which is before any client has it.
 */
import { pathOf, strings, type TraceEvent } from "./trace.ts";

/** A message that answers a call. */
export interface Answer {
  /** One connection's. */
  readonly socket: string;
  /** The n-th call of a connection has stream 2n - 1. */
  readonly stream: number;
  /** Index of the event. */
  readonly at: number;
  /** Protobuf. */
  readonly message: Uint8Array;
}

/** A request that a provider may have got. */
export interface ProviderRequest {
  readonly sagaId: string;
  readonly step: string;
  readonly at: number;
}

export interface Sent {
  readonly answers: readonly Answer[];
  readonly requests: readonly ProviderRequest[];
}

const SOCKET_WRITES = new Set(["write", "writev", "sendto", "sendmsg"]);
const FRAME_HEADER = 9;
const DATA_FRAME = 0;
const GRPC_PREFIX = 5;
const STEP_KEY = /\b(saga_[\w-]+):(reserve|charge|refund|release)\b/g;

export function readSent(events: readonly TraceEvent[]): Sent {
  const answers: Answer[] = [];
  const requests: ProviderRequest[] = [];
  const open = new Map<string, Frames>();
  events.forEach(({ kind, call }, at) => {
    if (kind !== "begin" || !SOCKET_WRITES.has(call.name)) return;
    const socket = pathOf(call.args);
    if (!socket?.startsWith("socket:")) return;
    const bytes = strings(call.args);
    const text = bytes.map((part) => new TextDecoder("latin1").decode(part))
      .join("");
    for (const [, sagaId = "", step = ""] of text.matchAll(STEP_KEY)) {
      requests.push({ sagaId, step, at });
    }
    const frames = open.get(socket) ?? new Frames();
    open.set(socket, frames);
    let left = call.result ?? Infinity;
    for (const part of bytes) {
      for (const { stream, data } of frames.take(part.subarray(0, left), at)) {
        if (data.length <= GRPC_PREFIX) continue;
        const message = data.subarray(GRPC_PREFIX);
        answers.push({ socket, stream, at: frames.began, message });
      }
      left = Math.max(0, left - part.length);
    }
  });
  return { answers, requests };
}

/** Cuts one direction of one connection into frames; of what is not HTTP/2 it finds none. */
class Frames {
  #rest = new Uint8Array(0);
  #foreign = false;
  /** Where the newest frame began. */
  began = 0;

  *take(
    bytes: Uint8Array,
    at: number,
  ): Generator<{ readonly stream: number; readonly data: Uint8Array }> {
    if (this.#foreign) return;
    if (this.#rest.length === 0) this.began = at;
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    let start = 0;
    while (all.length - start >= FRAME_HEADER) {
      const view = new DataView(all.buffer, start);
      const length = view.getUint32(0) >>> 8;
      const type = view.getUint8(3);
      // HTTP/1.1 begins with letters: no frame has such a type.
      if (type > 0x20) {
        this.#foreign = true;
        return;
      }
      const end = start + FRAME_HEADER + length;
      if (end > all.length) break;
      if (type === DATA_FRAME) {
        const stream = view.getUint32(5) & 0x7fffffff;
        yield { stream, data: all.subarray(start + FRAME_HEADER, end) };
      }
      start = end;
      this.began = at;
    }
    this.#rest = all.slice(start);
  }
}
