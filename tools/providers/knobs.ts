/** How the simulated providers behave; changed at run time by `POST /_knobs`. */
import { z } from "zod";

/**
 * How a call ends without a usable answer; "after" ones have taken effect.
 * - `error`: 500, nothing happened
 * - `busy`: 429 with Retry-After, nothing happened
 * - `conflict`: 409 without the mark of a decline, nothing happened
 * - `hang`: nothing happened, no answer
 * - `error_after`: 500
 * - `hang_after`: no answer
 * - `close_after`: the connection closes in the middle of the body
 * - `processing_after`: 200 with an id, and a status that says "processing"
 * - `garbage_after`: 200 with a body that is no JSON
 */
export const UNKNOWN_MODES = [
  "error",
  "busy",
  "conflict",
  "hang",
  "error_after",
  "hang_after",
  "close_after",
  "processing_after",
  "garbage_after",
] as const;
export type UnknownMode = typeof UNKNOWN_MODES[number];

const share = z.number().min(0).max(1);

export const knobsSchema = z.strictObject({
  /** Time to an answer, in ms. */
  latency_ms: z.number().min(0).max(600_000),
  /** Added to the latency: up to this much, evenly spread, in ms. */
  jitter_ms: z.number().min(0).max(600_000),
  /** Share of keys that are declined. */
  decline_rate: share,
  /** Operations that `decline_rate` applies to. */
  decline_operations: z.array(
    z.enum(["charge", "refund", "reserve", "release"]),
  ),
  /** Share of calls that end without a usable answer. */
  unknown_rate: share,
  /** One of these, by chance. */
  unknown_modes: z.array(z.enum(UNKNOWN_MODES)).min(1),
  /** How long a hanging call is held before it is closed, in ms. */
  hang_ms: z.number().min(0).max(600_000),
  /** From its answer on a key is known for so long, by the simulator's own clock; then it is as one never seen, in ms. */
  key_retention_ms: z.number().min(0).max(86_400_000),
  /** Share of effects that happen twice: a defect, for tests of those who judge the ledger. */
  double_rate: share,
  /** Chance is derived from the seed and the key. */
  seed: z.string(),
});
export type Knobs = z.infer<typeof knobsSchema>;

export const DEFAULT_KNOBS: Knobs = {
  latency_ms: 5,
  jitter_ms: 10,
  decline_rate: 0,
  decline_operations: ["charge", "reserve"],
  unknown_rate: 0,
  unknown_modes: [...UNKNOWN_MODES],
  hang_ms: 60_000,
  key_retention_ms: 86_400_000,
  double_rate: 0,
  seed: "",
};
