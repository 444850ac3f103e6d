/**
 * CreateOrders over raw HTTP/2: so cheap to send and to read that the service, and not its client, is what is overloaded.
 *
 * Invariants: within the flow-control window and the limit of streams of each connection; each call has a key of its
 * own and a deadline that it carries. A call that neither lets out counts as `held`, it is not sent.
 * Not promised: why a call failed; whoever wants to know makes one with a real client beside it.
 */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import {
  CreateOrderRequest,
  OrderServiceService,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import { orderRequest } from "./order_request.ts";
import {
  Flag,
  frame,
  FrameType,
  grpcHeaders,
  grpcMessage,
  headerBlock,
  PREFACE,
} from "./raw_http2.ts";

const DATA = 0;
const SETTINGS = 4;
const PING = 6;
const WINDOW_UPDATE = 8;
/** The service allows 1,000. */
const MAX_STREAMS = 900;
const FIRST_WINDOW = 65_535;
/** Of each call. */
const DEADLINE_MS = 5_000;

const HEADERS = headerBlock(
  grpcHeaders(OrderServiceService.createOrder.path, {
    "grpc-timeout": `${DEADLINE_MS}m`,
  }),
);
const BODY = grpcMessage(CreateOrderRequest.encode(orderRequest()).finish());

/** What became of the calls. */
export class CallCounts {
  sent = 0;
  held = 0;
  /** Answered with an order before its deadline. */
  ok = 0;
  /** Answered with an order when nobody waits for it any more. */
  late = 0;
  /** Answered without one, reset, or lost with their connection. */
  failed = 0;
  readonly orderIds: string[] = [];

  get open(): number {
    return this.sent - this.ok - this.late - this.failed;
  }
}

class LoadConnection {
  readonly #socket: Socket;
  readonly #counts: CallCounts;
  readonly #ended: () => void;
  readonly #open = new Map<number, { since: number; orderId: string | null }>();
  #bytes = Buffer.alloc(0);
  #window = FIRST_WINDOW;
  #nextId = 1;

  constructor(socket: Socket, counts: CallCounts, ended: () => void) {
    this.#socket = socket;
    this.#counts = counts;
    this.#ended = ended;
    const wide = Buffer.alloc(4);
    wide.writeUInt32BE(2 ** 31 - 1 - FIRST_WINDOW);
    socket.write(Buffer.concat([
      PREFACE,
      frame(SETTINGS, 0, 0),
      frame(WINDOW_UPDATE, 0, 0, wide),
    ]));
    socket.on("error", () => {
      // Its close follows.
    });
    socket.on("close", () => {
      for (const id of [...this.#open.keys()]) this.#end(id);
    });
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  /** False: the connection has no room. */
  send(): boolean {
    if (
      this.#open.size >= MAX_STREAMS || this.#window < BODY.length ||
      this.#socket.destroyed
    ) return false;
    const id = this.#nextId;
    this.#nextId += 2;
    this.#window -= BODY.length;
    this.#open.set(id, { since: performance.now(), orderId: null });
    const key = headerBlock({ "idempotency-key": crypto.randomUUID() });
    const block = Buffer.concat([HEADERS, key]);
    this.#socket.write(Buffer.concat([
      frame(FrameType.headers, Flag.endHeaders, id, block),
      frame(DATA, Flag.endStream, id, BODY),
    ]));
    return true;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    let at = 0;
    while (at + 9 <= this.#bytes.length) {
      const end = at + 9 + this.#bytes.readUIntBE(at, 3);
      if (end > this.#bytes.length) break;
      this.#take(
        this.#bytes[at + 3] ?? 0,
        this.#bytes[at + 4] ?? 0,
        this.#bytes.readUInt32BE(at + 5),
        this.#bytes.subarray(at + 9, end),
      );
      at = end;
    }
    this.#bytes = this.#bytes.subarray(at);
  }

  #take(type: number, flags: number, id: number, payload: Buffer): void {
    const acknowledged = (flags & Flag.ack) !== 0;
    if (type === SETTINGS && !acknowledged) {
      this.#socket.write(frame(SETTINGS, Flag.ack, 0));
    } else if (type === PING && !acknowledged) {
      this.#socket.write(frame(PING, Flag.ack, 0, payload));
    } else if (type === WINDOW_UPDATE && id === 0) {
      this.#window += payload.readUInt32BE(0);
    } else if (type === DATA) {
      const [orderId] = /ord_[0-9a-f-]+/.exec(payload.toString("latin1")) ?? [];
      const call = this.#open.get(id);
      if (call !== undefined) call.orderId ??= orderId ?? null;
    } else if (type === FrameType.rstStream) this.#end(id);
    else if (type === FrameType.headers && (flags & Flag.endStream) !== 0) {
      this.#end(id);
    }
  }

  #end(id: number): void {
    const call = this.#open.get(id);
    if (call === undefined) return;
    this.#open.delete(id);
    if (call.orderId === null) this.#counts.failed += 1;
    else {
      const inTime = performance.now() - call.since <= DEADLINE_MS;
      this.#counts[inTime ? "ok" : "late"] += 1;
      this.#counts.orderIds.push(call.orderId);
    }
    this.#ended();
  }
}

/** Sends CreateOrders over some connections. */
export class CreateLoad implements Disposable {
  readonly counts = new CallCounts();
  readonly #connections: LoadConnection[] = [];
  #next = 0;
  #ended = () => {};

  static async connect(address: string, connections = 16): Promise<CreateLoad> {
    const [host = "", port = ""] = address.split(":");
    const load = new CreateLoad();
    for (let nth = 0; nth < connections; nth++) {
      const socket = connect({ host, port: Number(port) });
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.once("connect", resolve);
      });
      load.#connections.push(
        new LoadConnection(socket, load.counts, () => load.#ended()),
      );
    }
    return load;
  }

  /** `atOnce` calls are always open, each answer is followed by the next call. */
  async closedLoop(atOnce: number, forMs: number): Promise<void> {
    this.#ended = () => this.#send();
    for (let nth = 0; nth < atOnce; nth++) this.#send();
    await new Promise((resolve) => setTimeout(resolve, forMs));
    this.#ended = () => {};
  }

  /** So many calls a second, whatever becomes of them. */
  async openLoop(perSecond: number, forMs: number): Promise<void> {
    const started = performance.now();
    for (let due = 0;;) {
      const now = performance.now() - started;
      if (now >= forMs) return;
      for (; due < now * perSecond / 1_000; due++) this.#send();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  [Symbol.dispose](): void {
    this.#ended = () => {};
    for (const connection of this.#connections) connection.destroy();
  }

  #send(): void {
    const connection =
      this.#connections[this.#next++ % this.#connections.length];
    if (connection?.send()) this.counts.sent += 1;
    else this.counts.held += 1;
  }
}
