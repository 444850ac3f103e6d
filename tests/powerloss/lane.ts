/**
 * A client with a connection of its own that remembers its calls in order, so that an answer in a trace can be
 * told by its HTTP/2 stream. One call at a time; the first creates an order, whose id tells the connection.
 */
import type { OrderClient } from "../../src/grpc/client.ts";
import {
  CreateOrderResponse,
  OrderStatus,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import type { Random } from "../support/simulation/random.ts";
import type { Intent } from "../support/ledger/facts.ts";
import type { Answer } from "../support/powerloss/answers.ts";
import type { Outcome } from "../shutdown/recorded_calls.ts";
import type { World } from "../shutdown/world.ts";

/** The n-th call of a connection. */
function streamOf(nth: number): number {
  return 2 * nth - 1;
}

export class Lane {
  readonly #world: World;
  readonly #client: OrderClient;
  /** Does not count as a call of the lane. */
  readonly #reader: OrderClient;
  readonly #keys: string[] = [];
  #orderId: string | null = null;

  constructor(world: World, client: OrderClient, reader: OrderClient) {
    this.#world = world;
    this.#client = client;
    this.#reader = reader;
  }

  /**
   * One order after another until the service does not answer any more.
   *
   * @param unanswered calls of an earlier life, to be repeated with their keys; shared by all lanes
   */
  async run(random: Random, unanswered: Intent[]): Promise<void> {
    while (await this.#order(random)) {
      const intent = unanswered.pop();
      if (intent === undefined) continue;
      await this.#call(intent.method, intent.orderId ?? "", intent.key);
    }
  }

  /** Keys of the calls whose answers are among these, with the answers. */
  answered(answers: readonly Answer[]): Map<string, Answer> {
    const first = answers.find(({ stream, message }) =>
      stream === streamOf(1) && orderIdOf(message) === this.#orderId
    );
    const mine = answers.filter(({ socket }) => socket === first?.socket);
    return new Map(
      mine.flatMap((answer) => {
        const key = this.#keys[(answer.stream - 1) / 2];
        return key === undefined ? [] : [[key, answer] as const];
      }),
    );
  }

  /** @returns whether the service still answers */
  async #order(random: Random): Promise<boolean> {
    const created = await this.#call("create", "");
    if (!created.ok) return false;
    const { orderId } = created;
    this.#orderId ??= orderId;
    if (random.chance(0.15)) return (await this.#call("cancel", orderId)).ok;
    if (!(await this.#call("pay", orderId)).ok) return false;
    if (random.chance(0.3)) return (await this.#call("cancel", orderId)).ok;
    if (random.chance(0.4)) return true;
    try {
      const confirmed = OrderStatus.ORDER_STATUS_CONFIRMED;
      await this.#world.settled(this.#reader, orderId, confirmed);
    } catch {
      // The service has gone; the next call will tell.
    }
    return (await this.#call("refund", orderId)).ok;
  }

  #call(
    method: Intent["method"],
    orderId: string,
    key = this.#world.newKey(),
  ): Promise<Outcome> {
    this.#keys.push(key);
    return method === "create"
      ? this.#world.create(this.#client, key)
      : this.#world[method](this.#client, orderId, key);
  }
}

function orderIdOf(message: Uint8Array): string | undefined {
  try {
    return CreateOrderResponse.decode(message).order?.id;
  } catch {
    return undefined;
  }
}
