/**
 * What is to happen where, from one line of text:
 *
 *     before-commit:pay/did-charge#1=print+kill ; publisher:close=hang
 *
 * A plan is a list of `point[#n]=action[+action...]`, separated by `;`. `#n` is
 * the n-th time that the point is passed (default 1), `#*` is every time.
 * Invariant: what cannot be read is an error, never ignored.
 */

/**
 * - `print`: a line on stderr
 * - `kill`: SIGKILL to this process
 * - `kill-in:<ms>`: goes on; SIGKILL so many ms later, when an answer may have left
 * - `sigterm`: SIGTERM to this process; goes on when it was delivered
 * - `until-sigterm`: waits for one from outside
 * - `hang`: never goes on
 * - `wait:<path>`: goes on when that file exists, and prints that it does
 * - `throw`: the operation fails
 * - `reject`: a promise that nobody holds rejects
 * - `uncaught`: an error is thrown where nobody can catch it
 * - `block:<ms>`: the event loop stands still
 * - `clock:<path>`: from here on the wall clock is so many ms ahead as that file says
 */
export type Action =
  | {
    readonly kind:
      | "print"
      | "kill"
      | "sigterm"
      | "until-sigterm"
      | "hang"
      | "throw"
      | "reject"
      | "uncaught";
  }
  | { readonly kind: "wait" | "clock"; readonly path: string }
  | { readonly kind: "block" | "kill-in"; readonly ms: number };

/** One entry of a plan. */
export interface Rule {
  readonly point: string;
  /** Which passage; null: every one. */
  readonly nth: number | null;
  readonly actions: readonly Action[];
}

/** @throws Error naming the part that cannot be read */
export function parsePlan(text: string): readonly Rule[] {
  return text.split(";").map((part) => part.trim())
    .filter((part) => part !== "").map(parseRule);
}

function parseRule(text: string): Rule {
  const match = /^([^=#;]+)(?:#(\d+|\*))?=(.+)$/.exec(text);
  const [, point, nth, actions] = match ?? [];
  if (point === undefined || actions === undefined) {
    throw new Error(
      `Cannot read failpoint: expected point[#n]=action (received ${text})`,
    );
  }
  return {
    point,
    nth: nth === "*" ? null : Number(nth ?? 1),
    actions: actions.split("+").map(parseAction),
  };
}

function parseAction(text: string): Action {
  const [kind = "", value = ""] = text.split(/:(.*)/s);
  switch (kind) {
    case "print":
    case "kill":
    case "sigterm":
    case "until-sigterm":
    case "hang":
    case "throw":
    case "reject":
    case "uncaught":
      return { kind };
    case "wait":
    case "clock":
      return { kind, path: value };
    case "block":
    case "kill-in":
      if (/^\d+$/.test(value)) return { kind, ms: Number(value) };
  }
  throw new Error(`Cannot read failpoint action (received ${text})`);
}
