/** What the tests of the assertions share. */
import { AssertionError } from "@std/assert";

/** The assertions under test must not be their own judge. */
export function judge(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
}

export function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    judge(error instanceof AssertionError, `AssertionError, not ${error}`);
    return String((error as AssertionError).message);
  }
  throw new Error("did not throw");
}

export const cyclic = (tag: string) => {
  const node: { tag: string; self?: unknown } = { tag };
  node.self = node;
  return node;
};

export class Account {
  constructor(readonly id: number) {}
}
