/** A line on the terminal that is written over; where stderr is no terminal, now and then a new one, if asked for. */
import { systemClock, type Timer } from "@oms/lifecycle";

const EVERY_MS = 250;

/**
 * Dispose it to stop; the line is cleared.
 *
 * @param elsewhereEveryMs between two lines where stderr is no terminal; default: none
 */
export function showProgress(
  line: () => string,
  elsewhereEveryMs = Infinity,
): Disposable {
  const terminal = Deno.stderr.isTerminal();
  const everyMs = terminal ? EVERY_MS : elsewhereEveryMs;
  if (everyMs === Infinity) return { [Symbol.dispose]: () => {} };
  const write = (text: string) => {
    const whole = terminal ? `\r\x1b[2K${text}` : `${text}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(whole));
  };
  let timer: Timer;
  const arm = () => {
    timer = systemClock.after(everyMs, () => {
      write(line());
      arm();
    });
  };
  arm();
  return {
    [Symbol.dispose]: () => {
      timer.cancel();
      if (terminal) write("");
    },
  };
}
