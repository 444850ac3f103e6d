import { systemClock } from "@oms/lifecycle";

/** Whether the work has ended within `ms`; it goes on otherwise. */
export async function endsWithin(
  work: Promise<unknown>,
  ms: number,
): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  using _timer = systemClock.after(ms, () => over.resolve(false));
  return await Promise.race([work.then(() => true), over.promise]);
}
