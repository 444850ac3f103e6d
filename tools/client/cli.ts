/**
 * The command line of the client: what it understands and which call that is.
 *
 * Invariants: stdout carries one JSON object or nothing; every mutating call
 * says its idempotency key, also when it fails, so that it can be repeated.
 */
import { v7 } from "uuid";
import {
  type CallOptions,
  createOrderClient,
  type OrderClient,
} from "../../src/grpc/client.ts";
import type { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { dialAddress, dialOptions } from "./dial.ts";
import { errorJson, orderJson, statusName, timelineJson } from "./output.ts";
import * as parse from "./parse.ts";
import { withWholeTimeline } from "./timeline.ts";
import { toolCommand, usageExit } from "./usage.ts";
import { waitForStatus } from "./wait.ts";

/** The world outside; a test brings its own. */
export interface ClientIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: (name: string) => string | undefined;
}

interface CommonFlags {
  readonly addr: string;
  readonly timeout: number;
}

type KeyFlags = CommonFlags & { readonly key?: string };
type Answer = Readonly<Record<string, unknown>>;

const DEFAULT_ADDRESS = "127.0.0.1:50051";
const DEFAULT_TIMEOUT = "10s";

/** @returns the exit code: 0, 1 for an error of the call, 2 for a wrong command line */
export async function runClient(
  args: readonly string[],
  io: ClientIo,
): Promise<number> {
  let code = 0;
  const program = toolCommand("client")
    .description("Calls the order service; answers and errors are JSON")
    .configureOutput({ writeOut: io.out, writeErr: io.err });

  const define = (name: string, description: string) =>
    program.command(name).description(description)
      .option(
        "--addr <host:port>",
        "the service (OMS_GRPC_ADDR)",
        io.env("OMS_GRPC_ADDR") || DEFAULT_ADDRESS,
      )
      .addOption(
        parse.durationOption(
          "--timeout <duration>",
          "for the whole command",
          DEFAULT_TIMEOUT,
        ),
      );
  const defineMutating = (name: string, description: string) =>
    define(name, description)
      .option("--key <key>", "idempotency key (default: a new UUID)");

  const run = async (
    flags: CommonFlags,
    call: (client: OrderClient, options: CallOptions) => Promise<Answer>,
    shown: Answer = {},
  ) => {
    const address = dialAddress(flags.addr);
    using client = createOrderClient(address, {
      channel: dialOptions(address),
    });
    try {
      const answer = await call(client, { deadlineMs: flags.timeout });
      io.out(`${JSON.stringify({ ...shown, ...answer }, null, 2)}\n`);
    } catch (error) {
      const called = { address, timeoutMs: flags.timeout };
      const told = { ...shown, error: errorJson(error, called) };
      io.err(`${JSON.stringify(told, null, 2)}\n`);
      code = 1;
    }
  };
  const mutate = (
    flags: KeyFlags,
    call: (client: OrderClient, options: CallOptions) => Promise<Answer>,
  ) => {
    const idempotencyKey = flags.key ?? v7();
    return run(
      flags,
      (client, options) => call(client, { ...options, idempotencyKey }),
      { idempotency_key: idempotencyKey },
    );
  };

  defineMutating("create", "Create an order")
    .requiredOption("--customer <id>", "who orders")
    .requiredOption("--currency <code>", "ISO 4217, as EUR")
    .requiredOption(
      "--item <sku:qty:price>",
      "price of one in minor units; repeat for more items",
      parse.parseItem,
    )
    .action((
      flags: KeyFlags & {
        readonly customer: string;
        readonly currency: string;
        readonly item: parse.ItemFlag[];
      },
    ) =>
      mutate(flags, async (client, options) => {
        const { customer: customerId, currency, item } = flags;
        const items = parse.itemsIn(currency, item);
        const request = { customerId, currency, items };
        const { order } = await client.createOrder(request, options);
        return { order: orderJson(order) };
      })
    );

  defineMutating("pay", "Accept the payment of an order")
    .argument("<order_id>")
    .action((orderId: string, flags: KeyFlags) =>
      mutate(
        flags,
        async (client, options) =>
          acknowledged(await client.payOrder({ orderId }, options)),
      )
    );

  defineMutating("cancel", "Accept the cancellation of an order")
    .argument("<order_id>")
    .option("--reason <text>", "why", "")
    .action((
      orderId: string,
      flags: KeyFlags & { readonly reason: string },
    ) =>
      mutate(flags, async (client, options) => {
        const request = { orderId, reason: flags.reason };
        return acknowledged(await client.cancelOrder(request, options));
      })
    );

  defineMutating("refund", "Accept a refund of an order")
    .argument("<order_id>")
    .option(
      "--amount <minor>",
      "minor units (default: all that is left)",
      parse.parseAmount,
    )
    .option("--currency <code>", "needed with --amount", "")
    .option("--reason <text>", "why", "")
    .action((
      orderId: string,
      flags: KeyFlags & {
        readonly amount?: bigint;
        readonly currency: string;
        readonly reason: string;
      },
    ) =>
      mutate(flags, async (client, options) => {
        const { amount: amountMinor, currency, reason } = flags;
        const amount = amountMinor === undefined
          ? undefined
          : { currency, amountMinor };
        const request = { orderId, amount, reason };
        return acknowledged(await client.refundOrder(request, options));
      })
    );

  define("get", "Show an order and its timeline")
    .argument("<order_id>")
    .option(
      "--wait <status>",
      "until the order has this status",
      parse.parseStatus,
    )
    .action((
      orderId: string,
      flags: CommonFlags & { readonly wait?: OrderStatus },
    ) =>
      run(flags, async (client, options) => {
        const first = flags.wait === undefined
          ? await client.getOrder({ orderId }, options)
          : await waitForStatus(client, orderId, flags.wait, flags.timeout);
        const { order, timeline } = await withWholeTimeline(
          client,
          orderId,
          first,
          options,
        );
        return { order: orderJson(order), timeline: timelineJson(timeline) };
      })
    );

  define("list", "List a customer's orders, newest first")
    .requiredOption("--customer <id>", "whose")
    .option("--page-size <n>", "0: the service's default", parse.parseCount, 0)
    .option("--page-token <token>", "next_page_token of the page before", "")
    .option(
      "--status <status>",
      "only these; repeat for more",
      parse.parseStatuses,
    )
    .action((
      flags: CommonFlags & {
        readonly customer: string;
        readonly pageSize: number;
        readonly pageToken: string;
        readonly status?: OrderStatus[];
      },
    ) =>
      run(flags, async (client, options) => {
        const { customer: customerId, pageSize, pageToken, status } = flags;
        const filterStatuses = status ?? [];
        const request = { customerId, pageSize, pageToken, filterStatuses };
        const page = await client.listOrders(request, options);
        return {
          orders: page.orders.map(orderJson),
          next_page_token: page.nextPageToken,
        };
      })
    );

  try {
    await program.parseAsync(parse.withoutSeparator(args), { from: "user" });
    return code;
  } catch (error) {
    return usageExit(error);
  }
}

function acknowledged(
  answer: { readonly orderId: string; readonly status: OrderStatus },
): Answer {
  return { order_id: answer.orderId, status: statusName(answer.status) };
}
