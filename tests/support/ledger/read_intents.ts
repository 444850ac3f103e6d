/** From the record of intents to intents with their outcome. */
import { parseRecord, type RecordLine } from "../../../tools/load/intents.ts";
import type { Intent, IntentOutcome } from "./facts.ts";

/** @throws Error for a line that is none of ours, or one about an intent that was never recorded */
function intentsOf(lines: readonly RecordLine[]): Intent[] {
  const intents = new Map<string, Intent>();
  for (const line of lines) {
    const known = intents.get(line.key);
    if (line.type === "intent") {
      if (known !== undefined) {
        throw new Error(`Cannot judge: the intent ${line.key} is there twice`);
      }
      intents.set(line.key, begun(line));
    } else if (known === undefined) {
      throw new Error(`Cannot judge: ${line.key} has no intent line`);
    } else {
      intents.set(line.key, ended(known, line));
    }
  }
  return [...intents.values()];
}

/** Reads the file that a FileRecorder wrote. */
export function readIntents(path: string): Intent[] {
  return intentsOf(parseRecord(Deno.readTextFileSync(path)));
}

function begun(line: Extract<RecordLine, { type: "intent" }>): Intent {
  return {
    key: line.key,
    method: line.method,
    orderId: line.order_id ?? null,
    customerId: line.customer_id ?? null,
    currency: line.currency ?? null,
    amountMinor: line.amount_minor === undefined
      ? null
      : BigInt(line.amount_minor),
    reason: line.reason ?? "",
    at: Date.parse(line.at),
    outcome: { kind: "unanswered" },
    codes: [],
    endedAt: null,
    replays: [],
  };
}

function ended(
  intent: Intent,
  line: Exclude<RecordLine, { type: "intent" }>,
): Intent {
  const at = Date.parse(line.at);
  if (line.type === "replay") {
    const replay = { orderId: line.order_id, status: line.status, at };
    return { ...intent, replays: [...intent.replays, replay] };
  }
  const outcome: IntentOutcome = line.type === "ack"
    ? { kind: "acknowledged", orderId: line.order_id, status: line.status }
    : { kind: line.type, reason: line.reason };
  return { ...intent, outcome, codes: line.codes, endedAt: at };
}
