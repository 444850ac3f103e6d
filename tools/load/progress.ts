/** A line on the terminal that is written over; nothing where stderr is no terminal. */
import { systemClock, type Timer } from "@oms/lifecycle";

const EVERY_MS = 250;

/** Dispose it to stop; the line is cleared. */
export function showProgress(line: () => string): Disposable {
  if (!Deno.stderr.isTerminal()) return { [Symbol.dispose]: () => {} };
  let timer: Timer | null = null;
  const write = (text: string) =>
    Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[2K${text}`));
  const show = () => {
    write(line());
    timer = systemClock.after(EVERY_MS, show);
  };
  show();
  return {
    [Symbol.dispose]: () => {
      timer?.cancel();
      write("");
    },
  };
}
