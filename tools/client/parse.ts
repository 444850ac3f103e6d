/** Values of the command line. */
import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../../src/config/duration.ts";
import {
  type OrderItem,
  OrderStatus,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import { randomSeed } from "../load/random.ts";

/** `sku:qty:price`, before the order's currency is known. */
export interface ItemFlag {
  readonly sku: string;
  readonly qty: number;
  /** Minor units. */
  readonly priceMinor: bigint;
}

/** The words without the `--` that `deno task name -- …` hands on. */
export function withoutSeparator(args: readonly string[]): string[] {
  return args[0] === "--" ? args.slice(1) : [...args];
}

/** Repeatable: adds to the items before. The SKU may contain colons. */
export function parseItem(text: string, before: ItemFlag[] = []): ItemFlag[] {
  const match = /^(.+):(-?\d+):(-?\d+)$/.exec(text);
  const [, sku, qty, price] = match ?? [];
  if (sku === undefined || qty === undefined || price === undefined) {
    throw new InvalidArgumentError(
      "sku:qty:price is needed, the price in minor units, as mug:2:1250",
    );
  }
  const item = { sku, qty: Number(qty), priceMinor: BigInt(price) };
  if (item.qty !== (item.qty | 0)) {
    throw new InvalidArgumentError("the quantity does not fit 32 bits");
  }
  return [...before, item];
}

/** Minor units. Whether the amount makes sense is the service's to say. */
export function parseAmount(text: string): bigint {
  if (!/^-?\d{1,18}$/.test(text)) {
    throw new InvalidArgumentError(
      "minor units are needed, as 1250 for 12.50",
    );
  }
  return BigInt(text);
}

/** Milliseconds of `10s`, `250ms`, `1m30s`. */
function parseTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) {
    throw new InvalidArgumentError("a duration is needed, as 10s or 250ms");
  }
  return ms;
}

/** An option that takes a duration; its help shows the default as it is written. */
export function durationOption(
  flags: string,
  description: string,
  fallback: string,
): Option {
  return new Option(flags, description)
    .default(parseTimeout(fallback), fallback).argParser(parseTimeout);
}

/** An option whose default is drawn by chance; its help says so instead of one draw. */
export function seedOption(
  description: string,
  parser: (text: string) => number,
): Option {
  return new Option("--seed <n>", description)
    .default(randomSeed(), "random").argParser(parser);
}

export function parseCount(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) {
    throw new InvalidArgumentError("a whole number is needed");
  }
  return Number(text);
}

/** A parser of numbers that are not below `least`. */
export function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < least) {
      throw new InvalidArgumentError(`a number of ${least} or more is needed`);
    }
    return value;
  };
}

/** How many of something there shall be. */
export function parsePositive(text: string): number {
  const value = parseCount(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError("a whole number of 1 or more is needed");
}

/** `CONFIRMED`, in any case, with or without the prefix of the contract. */
export function parseStatus(text: string): OrderStatus {
  const name = text.toUpperCase().replace(/^ORDER_STATUS_/, "");
  const wire = Object.entries(OrderStatus).find(([key]) =>
    key === `ORDER_STATUS_${name}`
  )?.[1];
  if (
    typeof wire !== "number" || wire === OrderStatus.ORDER_STATUS_UNSPECIFIED
  ) {
    throw new InvalidArgumentError(
      "one of PENDING, RESERVED, PAID, CONFIRMED, CANCELED, REFUNDED is needed",
    );
  }
  return wire;
}

/** Repeatable: adds to the statuses before. */
export function parseStatuses(
  text: string,
  before: OrderStatus[] = [],
): OrderStatus[] {
  return [...before, parseStatus(text)];
}

export function itemsIn(
  currency: string,
  items: readonly ItemFlag[],
): OrderItem[] {
  return items.map(({ sku, qty, priceMinor }) => ({
    sku,
    qty,
    price: { currency, amountMinor: priceMinor },
  }));
}
