/** What the simulated providers speak: docs/providers.md, as far as it is the same for every call. */
import type { Operation } from "./ledger.ts";

export const ROUTES: Readonly<Record<string, Operation>> = {
  "/charges": "charge",
  "/refunds": "refund",
  "/reservations": "reserve",
  "/releases": "release",
};

export const ID_PREFIX: Readonly<Record<Operation, string>> = {
  charge: "ch",
  refund: "re",
  reserve: "rsv",
  release: "rel",
};

export interface Decline {
  readonly status: number;
  readonly reason: string;
}

export const DECLINES: Readonly<Record<Operation, Decline>> = {
  charge: { status: 402, reason: "card_declined" },
  refund: { status: 402, reason: "refund_declined" },
  reserve: { status: 422, reason: "out_of_stock" },
  release: { status: 422, reason: "already_shipped" },
};
