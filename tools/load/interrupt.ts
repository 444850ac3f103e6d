/** Ctrl-C for tools: the first asks to stop, a second one aborts. */

import { systemClock, type Timer } from "@oms/lifecycle";

export interface Interrupt extends Disposable {
  /** Aborted by the first signal. */
  readonly stopping: AbortSignal;
  /** Aborted by the second signal, or a while after the first. */
  readonly signal: AbortSignal;
}

/** One Ctrl-C under `deno task` arrives up to three times within a few ms. */
const SAME_SIGNAL_MS = 500;

/** @param graceMs from the first signal to the abort */
export function onInterrupt(graceMs: number): Interrupt {
  const soft = new AbortController();
  const hard = new AbortController();
  let first = 0;
  let timer: Timer | null = null;
  const abort = () => hard.abort(interrupted());
  const onSignal = () => {
    if (!soft.signal.aborted) {
      first = performance.now();
      soft.abort(interrupted());
      timer = systemClock.after(graceMs, abort);
    } else if (performance.now() - first > SAME_SIGNAL_MS) {
      abort();
    }
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) Deno.addSignalListener(name, onSignal);
  return {
    stopping: soft.signal,
    signal: hard.signal,
    [Symbol.dispose]: () => {
      timer?.cancel();
      for (const name of signals) Deno.removeSignalListener(name, onSignal);
    },
  };
}

function interrupted(): Error {
  const error = new Error("interrupted");
  error.name = "AbortError";
  return error;
}
