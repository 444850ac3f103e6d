/**
 * Process signals, kept from the first instant.
 *
 * Import this alone in the first line of an entry point, call
 * {@link denoSignals}, and import everything else dynamically afterwards: a
 * SIGTERM that finds no listener kills the process, or is lost when it is
 * PID 1. What comes before somebody subscribes is kept and delivered then.
 *
 * Invariants: no import; every signal reaches the first subscriber exactly
 * once, in order; a signal that the platform does not know is skipped.
 * Not promised: a signal that arrives before the runtime itself is up. A
 * listener does not keep the process alive, either.
 *
 * @module
 */

/** What a process does on a signal. */
export type SignalRole = "stop" | "dump" | "ignore";

/** The signals that this package listens for. */
export type SignalName =
  | "SIGTERM"
  | "SIGINT"
  | "SIGBREAK"
  | "SIGQUIT"
  | "SIGHUP"
  | "SIGPIPE"
  | "SIGUSR1"
  | "SIGUSR2";

/** A signal that was received. */
export interface ReceivedSignal {
  /** Its name. */
  readonly name: SignalName;
  /** What it means. */
  readonly role: SignalRole;
  /** When it was seen, in ms of the clock's `now`. */
  readonly at: number;
}

/** Where signals come from. */
export interface SignalSource {
  /** Calls `handler` for each signal; first, at once, for those that were kept. */
  subscribe(handler: (signal: ReceivedSignal) => void): Disposable;
}

/** A source that owns listeners of the process. */
export interface ProcessSignals extends SignalSource, Disposable {}

/** What each signal means: number (POSIX; SIGBREAK as on Windows) and role. */
export const SIGNALS: Readonly<
  Record<SignalName, { readonly number: number; readonly role: SignalRole }>
> = {
  SIGTERM: { number: 15, role: "stop" },
  SIGINT: { number: 2, role: "stop" },
  SIGBREAK: { number: 21, role: "stop" },
  SIGQUIT: { number: 3, role: "dump" },
  SIGHUP: { number: 1, role: "ignore" },
  SIGPIPE: { number: 13, role: "ignore" },
  SIGUSR1: { number: 10, role: "ignore" },
  SIGUSR2: { number: 12, role: "ignore" },
};

const POSIX: readonly SignalName[] = [
  "SIGTERM",
  "SIGINT",
  "SIGQUIT",
  "SIGHUP",
  "SIGPIPE",
  "SIGUSR1",
  "SIGUSR2",
];
// Deno listens for no other on Windows.
const WINDOWS: readonly SignalName[] = ["SIGINT", "SIGBREAK"];

/** The signals that can be listened for on this platform. */
export function platformSignals(
  os: string = Deno.build.os,
): readonly SignalName[] {
  return os === "windows" ? WINDOWS : POSIX;
}

/** The part of the runtime that is needed; a test gives its own. */
export interface SignalRuntime {
  /** As `Deno.addSignalListener`. */
  addSignalListener(name: SignalName, handler: () => void): void;
  /** As `Deno.removeSignalListener`. */
  removeSignalListener(name: SignalName, handler: () => void): void;
}

// Of each role: beyond this many, further ones mean the same, and those that are
// ignored must not take the place of the one that stops.
const KEPT_SIGNALS = 16;

/**
 * Listens for the process's signals at once.
 *
 * Dispose it only in tests: a second SIGINT of one Ctrl-C that finds the
 * listener gone turns exit code 0 into 130. It keeps no process alive.
 */
export function denoSignals(
  runtime: SignalRuntime = Deno,
  names: readonly SignalName[] = platformSignals(),
): ProcessSignals {
  const kept: ReceivedSignal[] = [];
  const handlers = new Set<(signal: ReceivedSignal) => void>();
  const listeners: [SignalName, () => void][] = [];

  for (const name of names) {
    const listener = () => {
      const signal = { name, role: SIGNALS[name].role, at: performance.now() };
      if (handlers.size === 0) {
        const same = kept.filter(({ role }) => role === signal.role);
        if (same.length < KEPT_SIGNALS) kept.push(signal);
        return;
      }
      for (const handler of [...handlers]) handler(signal);
    };
    try {
      runtime.addSignalListener(name, listener);
      listeners.push([name, listener]);
    } catch {
      // Not known here; the others still work.
    }
  }

  return {
    subscribe(handler) {
      handlers.add(handler);
      for (const signal of kept.splice(0)) handler(signal);
      return {
        [Symbol.dispose]() {
          handlers.delete(handler);
        },
      };
    },
    [Symbol.dispose]() {
      handlers.clear();
      for (const [name, listener] of listeners.splice(0)) {
        runtime.removeSignalListener(name, listener);
      }
    },
  };
}
