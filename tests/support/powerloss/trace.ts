/**
 * strace's lines as system calls, each with the lines where it began and ended.
 *
 * Invariant: a line that is not understood is an error, never left out.
 */

export interface SystemCall {
  readonly name: string;
  /** As strace prints them, without the parentheses. */
  readonly args: string;
  /**
   * Null: the caller was killed before it returned. Also of a write that was a killed caller's last, and not all of
   * it was done by that number: of 4,096 bytes it was 11, of 24 it was -1, and all of them were in the file.
   */
  readonly result: number | null;
  /** `<path>` behind the result: what an open has opened. */
  readonly opened: string | null;
}

/** One line of the trace. Most calls begin and end on one line; with other threads' lines between, on two. */
export type TraceEvent =
  | { readonly kind: "begin"; readonly call: SystemCall }
  | { readonly kind: "end"; readonly call: SystemCall };

const LINE = /^(\d+) +(.*)$/s;
const WHOLE = /^(\w+)\((.*)\) += (.*)$/s;
const UNFINISHED = /^(\w+)\((.*)<unfinished \.\.\.>$/s;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)\) += (.*)$/s;
/** Signals, exits of threads, and what a killed thread was about to call: strace could not even ask it. */
const NO_CALL = /^(?:--- |\+\+\+ |\?\?\?\(|<\.\.\. \?\?\? resumed>)/;
/** In the arguments. */
const WRITE_LENGTH: Readonly<Record<string, RegExp>> = {
  write: /, (\d+)$/,
  pwrite64: /, (\d+), \d+$/,
};
const KILLED = /^\+\+\+ killed by /;
/** A call that the end of the process has cut off. */
const CUT_OFF = / <unfinished \.\.\.>(\) += \?)$/s;
const UNKNOWN = { result: null, opened: null };
/** Behind the number of a descriptor. */
const PATH = /<((?:\\x[0-9a-f]{2})+)>/g;
const RESULT = /^(-?\d+|0x[0-9a-f]+|\?)(?:<(.*)>)?/s;

/** @throws Error for a line that is no system call's */
export function parseTrace(text: string): TraceEvent[] {
  const events: TraceEvent[] = [];
  /** By thread: where its unfinished call began. */
  const begun = new Map<string, number>();
  /** By thread: its newest call that has ended. */
  const ended = new Map<string, { begin: number; end: number }>();
  const end = (thread: string, rest: string, result: string) => {
    const index = begun.get(thread);
    const first = index === undefined ? undefined : events[index];
    if (index === undefined || first === undefined) {
      throw new Error(`Cannot read the trace: nothing has begun for ${rest}`);
    }
    begun.delete(thread);
    const { name, args } = first.call;
    const call = { name, args: args + rest, ...parseResult(result) };
    events[index] = { kind: "begin", call };
    events.push({ kind: "end", call });
    ended.set(thread, { begin: index, end: events.length - 1 });
  };
  const kill = (thread: string) => {
    const at = ended.get(thread);
    const last = at === undefined ? undefined : events[at.begin];
    if (at === undefined || last === undefined) return;
    const { name, args, result } = last.call;
    const [, length] = WRITE_LENGTH[name]?.exec(args) ?? [];
    const short = length !== undefined && result !== Number(length);
    if (!short) return;
    const call = { ...last.call, ...UNKNOWN };
    events[at.begin] = { kind: "begin", call };
    events[at.end] = { kind: "end", call };
  };
  for (const raw of text.split("\n")) {
    if (raw === "") continue;
    const line = raw.replace(PATH, (_, hex: string) => `<${textOf(hex)}>`)
      .replace(CUT_OFF, "$1");
    const [, thread = "", rest = ""] = LINE.exec(line) ?? [];
    const [, whole, args = "", result = ""] = WHOLE.exec(rest) ?? [];
    const [, unfinished, begins = ""] = UNFINISHED.exec(rest) ?? [];
    const [, resumed, ends = "", its = ""] = RESUMED.exec(rest) ?? [];
    if (whole !== undefined) {
      const call = { name: whole, args, ...parseResult(result) };
      events.push({ kind: "begin", call }, { kind: "end", call });
      ended.set(thread, { begin: events.length - 2, end: events.length - 1 });
    } else if (unfinished !== undefined) {
      begun.set(thread, events.length);
      const call = { name: unfinished, args: begins.trimEnd(), ...UNKNOWN };
      events.push({ kind: "begin", call });
    } else if (resumed !== undefined) end(thread, ends, its);
    else if (KILLED.test(rest)) kill(thread);
    else if (!NO_CALL.test(rest)) {
      throw new Error(`Cannot read the trace: ${line.slice(0, 200)}`);
    }
  }
  for (const thread of begun.keys()) end(thread, "", "?");
  return events;
}

function parseResult(text: string): Pick<SystemCall, "result" | "opened"> {
  const [, number = "?", opened] = RESULT.exec(text) ?? [];
  return {
    result: number === "?" ? null : Number(number),
    opened: opened ?? null,
  };
}

/** `30</data/oms.db>`: the path of the first argument. Null: it is no descriptor, or its file is deleted. */
export function pathOf(args: string): string | null {
  return /^\d+<([^>]*)>(?!\()/.exec(args)?.[1] ?? null;
}

/** The strings of the arguments, as bytes. @throws Error when one was shortened */
export function strings(args: string): Uint8Array<ArrayBuffer>[] {
  if (args.includes('"...')) {
    throw new Error("Cannot replay: a string was shortened");
  }
  return [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)]
    .map(([, hex = ""]) => bytesOf(hex));
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(hex.replaceAll("\\x", ""));
}

function textOf(hex: string): string {
  return new TextDecoder().decode(bytesOf(hex));
}
