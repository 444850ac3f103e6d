/** The providers' side: the durable ledger of tools/providers. */
import { z } from "zod";
import type { EffectFact } from "./facts.ts";
import { readLines } from "./lines.ts";

const minor = z.string().regex(/^\d+$/).transform(BigInt);

const Entry = z.object({
  key: z.string(),
  operation: z.enum(["charge", "refund", "reserve", "release"]),
  order_id: z.string(),
  amount_minor: minor.optional(),
  currency: z.string().optional(),
  result: z.enum(["done", "declined"]),
  id: z.string(),
  at: z.string(),
  request: z.string().default(""),
}).transform((entry): EffectFact => ({
  key: entry.key,
  operation: entry.operation,
  orderId: entry.order_id,
  amountMinor: entry.amount_minor ?? null,
  currency: entry.currency ?? null,
  result: entry.result,
  id: entry.id,
  at: Date.parse(entry.at),
  request: entry.request,
}));

/** Reads the file; none means that no provider was ever called. */
export function readEffects(path: string): EffectFact[] {
  return readLines(path).map((line) => Entry.parse(JSON.parse(line)));
}
