/**
 * A wall clock that jumps: `Date` of this thread is ahead of the machine's by
 * what a file says, now and whenever it says something else.
 *
 * Invariant: monotonic time and timers are as they were, as with a real jump.
 * Not promised: other threads (the store's and the watchdog's only write times
 * down, they decide nothing by them), `Date()` without `new`.
 */

/** How often the file is looked at, in ms. */
const LOOK_MS = 5;

/**
 * @param path a whole number of ms, put in place at once; absent: 0
 * @returns disposing it gives the machine's clock back
 */
export function followWallClock(path: string): Disposable {
  const machine = Date;
  let aheadMs = read(path);
  const now = () => machine.now() + aheadMs;
  globalThis.Date = new Proxy(machine, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    get: (target, name, receiver) =>
      name === "now" ? now : Reflect.get(target, name, receiver),
  });
  const timer = setInterval(() => {
    aheadMs = read(path);
  }, LOOK_MS);
  Deno.unrefTimer(timer);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      globalThis.Date = machine;
    },
  };
}

function read(path: string): number {
  try {
    return Number(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
