/**
 * The service as clients see it: one address, which may move when the service
 * is started again on another port.
 *
 * Invariant: a connection is closed only when no call uses it any more, so that
 * a move never cuts a call off.
 */
import { createOrderClient, type OrderClient } from "../../src/grpc/client.ts";
import { dialOptions } from "../client/dial.ts";

interface Line {
  readonly client: OrderClient;
  calls: number;
}

export interface TargetOptions {
  /**
   * False: the caller repeats failed calls itself and wants to see each failure, also that nobody is there.
   * Default: as the service config says.
   */
  readonly channelRetries?: boolean;
}

export class Target implements Disposable {
  readonly #options: TargetOptions;
  #line: Line;

  constructor(address: string, options: TargetOptions = {}) {
    this.#options = options;
    this.#line = this.#dial(address);
  }

  /** Later calls go to `address`. */
  move(address: string): void {
    const old = this.#line;
    this.#line = this.#dial(address);
    if (old.calls === 0) old.client.close();
  }

  async use<T>(call: (client: OrderClient) => Promise<T>): Promise<T> {
    const line = this.#line;
    line.calls += 1;
    try {
      return await call(line.client);
    } finally {
      line.calls -= 1;
      if (line !== this.#line && line.calls === 0) line.client.close();
    }
  }

  [Symbol.dispose](): void {
    this.#line.client.close();
  }

  #dial(address: string): Line {
    const { channelRetries = true } = this.#options;
    const client = createOrderClient(address, {
      waitForReady: channelRetries,
      channel: {
        ...(channelRetries ? {} : { "grpc.enable_retries": 0 }),
        ...dialOptions(address),
        // Without it a new target would inherit the back-off of a dead one.
        "grpc.use_local_subchannel_pool": 1,
      },
    });
    return { client, calls: 0 };
  }
}
