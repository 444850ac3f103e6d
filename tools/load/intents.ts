/**
 * The record of intents: what clients asked for and what they were promised,
 * one JSON object a line.
 *
 * Invariants: an intent is in the file before its first call is sent, once,
 * however often it is retried with its key; an acknowledgement is in the file
 * before anybody acts on it. So a ledger that reads the file after any crash of
 * the client knows at least what was acknowledged to it.
 * Not promised: that a line survives a crash of the machine; nothing is synced.
 */
import { z } from "zod";
import { parseJson, wholeLines } from "./ndjson.ts";

const minor = z.string().regex(/^-?\d+$/);

const Line = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("intent"),
    key: z.string(),
    method: z.enum(["create", "pay", "cancel", "refund"]),
    /** All but create. */
    order_id: z.string().optional(),
    /** Create only. */
    customer_id: z.string().optional(),
    currency: z.string().optional(),
    /** Create: the total. Refund: as asked for; absent: all that is left. */
    amount_minor: minor.optional(),
    reason: z.string().optional(),
    /** RFC 3339, as in every line. */
    at: z.string(),
  }),
  z.object({
    /** The call was answered OK. */
    type: z.literal("ack"),
    key: z.string(),
    order_id: z.string(),
    status: z.string(),
    /** Codes of all attempts, the last one OK. */
    codes: z.array(z.string()),
    at: z.string(),
  }),
  z.object({
    /** Repeated after its acknowledgement, with the same key, and answered OK. */
    type: z.literal("replay"),
    key: z.string(),
    order_id: z.string(),
    status: z.string(),
    at: z.string(),
  }),
  z.object({
    /** The last code is final (`refused`) or was one retry too many (`gave_up`). */
    type: z.enum(["refused", "gave_up"]),
    key: z.string(),
    reason: z.string(),
    codes: z.array(z.string()),
    at: z.string(),
  }),
]);

/** One line of the record. */
export type RecordLine = z.infer<typeof Line>;
/** What was asked for. */
export type IntentLine = Extract<RecordLine, { type: "intent" }>;
/** Name of a mutating call. */
export type IntentMethod = IntentLine["method"];

type Unstamped<T> = T extends { at: string } ? Omit<T, "at"> : never;

/** Takes lines; the time is the recorder's. */
export interface IntentRecorder {
  record(line: Unstamped<RecordLine>): void;
}

/** For runs that nobody judges. */
export const noRecorder: IntentRecorder = { record: () => {} };

/** Appends to a file; each line is with the operating system when `record` returns. */
export class FileRecorder implements IntentRecorder, Disposable {
  readonly #file: Deno.FsFile;

  constructor(path: string) {
    this.#file = Deno.openSync(path, { append: true, create: true });
  }

  record(line: Unstamped<RecordLine>): void {
    const text = JSON.stringify({ ...line, at: new Date().toISOString() });
    let data = new TextEncoder().encode(`${text}\n`);
    while (data.length > 0) data = data.subarray(this.#file.writeSync(data));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * The lines of a record; a torn last one, left by a killed client, is dropped.
 *
 * @throws Error for any other line that is none of ours
 */
export function parseRecord(text: string): RecordLine[] {
  return wholeLines(text).map((line, index) => {
    const parsed = Line.safeParse(parseJson(line));
    if (parsed.success) return parsed.data;
    throw new Error(
      `Cannot read the record of intents: line ${
        index + 1
      } is none of its lines (received ${line})`,
    );
  });
}
