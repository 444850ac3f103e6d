/**
 * A tree of cancellation.
 *
 * Invariants
 * - Aborting a scope aborts everything below it, children before the scope's
 *   own native listeners, in order of creation.
 * - A child of an aborted scope is born aborted, with the same reason.
 * - A disposed scope leaves no reference at its parent; its live children move
 *   to that parent, so a live scope always hears its nearest live ancestor.
 * - The first reason wins; a second abort changes nothing.
 * - A throwing listener keeps no other scope or listener from hearing the
 *   abort and does not end the process.
 *
 * Why children are linked by hand: `AbortSignal.any` on a long-lived root keeps
 * what it made (denoland/deno#24842), and a throwing native listener is
 * reported as an uncaught error, on which Deno exits in the middle of the
 * dispatch. While a scope dispatches, it holds a global `error` listener that
 * claims exactly those errors.
 *
 * Not promised: that work stops. Aborting asks; waiting is TaskGroup's part.
 *
 * @module
 */

import { StopError } from "./errors.ts";

/** Told of an abort listener that threw. */
export type ListenerErrorFn = (error: unknown, scope: string) => void;

/** How a root scope is made. */
export interface CancelScopeOptions {
  /** Called for each throwing abort listener; default: `console.error`. */
  readonly onListenerError?: ListenerErrorFn;
}

const complain: ListenerErrorFn = (error, scope) =>
  console.error(`An abort listener of scope ${scope} threw:`, error);

/** A node in a tree of cancellation. */
export class CancelScope implements Disposable {
  /** Path-like name: the parent's name, `/`, the own name. */
  readonly name: string;
  readonly #controller = new AbortController();
  readonly #onListenerError: ListenerErrorFn;
  readonly #children = new Set<CancelScope>();
  readonly #abortHooks = new Set<(reason: Error) => void>();
  readonly #endHooks = new Set<() => void>();
  #parent: CancelScope | undefined;
  #reason: Error | undefined;
  #disposed = false;

  /** Makes a root. Children come from {@link CancelScope.child}. */
  constructor(name: string, options: CancelScopeOptions = {}) {
    this.name = name;
    this.#onListenerError = options.onListenerError ?? complain;
  }

  /** The native signal; its `reason` is the `Error` given to `abort`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the scope was aborted. */
  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  /** Why the scope was aborted. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Number of live children; a leak test watches it. */
  get childCount(): number {
    return this.#children.size;
  }

  /** Number of hooks and links held; a leak test watches it. */
  get hookCount(): number {
    return this.#abortHooks.size + this.#endHooks.size;
  }

  /** Makes a child. Below an aborted or disposed scope it is not linked. */
  child(name: string): CancelScope {
    const child = new CancelScope(`${this.name}/${name}`, {
      onListenerError: this.#onListenerError,
    });
    const live = this.#nearestLive();
    if (live === undefined) return child;
    if (live.#reason !== undefined) child.abort(live.#reason);
    else live.#adopt(child);
    return child;
  }

  /** Aborts this scope and all below it. Never throws. */
  abort(reason: Error): void {
    if (this.#reason !== undefined || this.#disposed) return;
    this.#reason = reason;
    this.#leaveParent();
    this.#parent = undefined;
    for (const child of [...this.#children]) child.abort(reason);
    this.#children.clear();
    const hooks = [...this.#abortHooks];
    this.#abortHooks.clear();
    for (const hook of hooks) this.#guard(() => hook(reason));
    this.#runEndHooks();
    this.#dispatch(reason);
  }

  /**
   * Calls `hook` once when the scope is aborted (at once if it is already).
   * Prefer it to `signal.addEventListener`: it cannot leak past the scope.
   */
  onAbort(hook: (reason: Error) => void): Disposable {
    const reason = this.#reason;
    if (reason !== undefined) this.#guard(() => hook(reason));
    else if (!this.#ended) return entry(this.#abortHooks, hook);
    return nothing;
  }

  /** Calls `hook` once when the scope ends, aborted or disposed. */
  onEnd(hook: () => void): Disposable {
    if (!this.#ended) return entry(this.#endHooks, hook);
    this.#guard(hook);
    return nothing;
  }

  /** Ends the scope without aborting it. May be called again. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const heir = this.#nearestLive();
    for (const child of this.#children) {
      child.#parent = undefined;
      if (heir) heir.#adopt(child);
    }
    this.#children.clear();
    this.#abortHooks.clear();
    this.#leaveParent();
    this.#runEndHooks();
  }

  get #ended(): boolean {
    return this.#disposed || this.#reason !== undefined;
  }

  #runEndHooks(): void {
    const hooks = [...this.#endHooks];
    this.#endHooks.clear();
    for (const hook of hooks) this.#guard(hook);
  }

  #adopt(child: CancelScope): void {
    child.#parent = this;
    this.#children.add(child);
  }

  #leaveParent(): void {
    const parent = this.#parent;
    if (parent) parent.#children.delete(this);
  }

  // A disposed scope keeps its parent reference (upwards holds nothing alive
  // that would not live anyway) so that a late child still finds the root. One
  // that was aborted before it was disposed still passes its reason on.
  #nearestLive(): CancelScope | undefined {
    if (!this.#disposed || this.aborted) return this;
    const parent = this.#parent;
    return parent ? parent.#nearestLive() : undefined;
  }

  #guard(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error: unknown): void {
    try {
      this.#onListenerError(error, this.name);
    } catch {
      // The place for complaints is broken itself; the abort goes on.
    }
  }

  #dispatch(reason: Error): void {
    const claim = (event: ErrorEvent) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      this.#complain(event.error);
    };
    globalThis.addEventListener("error", claim);
    dispatching++;
    try {
      this.#controller.abort(reason);
    } finally {
      dispatching--;
      globalThis.removeEventListener("error", claim);
    }
  }
}

let dispatching = 0;

/**
 * Whether a scope is telling its native listeners right now: an `error` event
 * at this moment is theirs, and the scope takes care of it. (Deno calls the
 * listeners of `globalThis` in order of registration, capture or not, so a
 * handler that was there first has to ask.)
 */
export function isDispatchingAbort(): boolean {
  return dispatching > 0;
}

const nothing: Disposable = { [Symbol.dispose]() {} };

function entry<T>(set: Set<T>, hook: T): Disposable {
  set.add(hook);
  return {
    [Symbol.dispose]() {
      set.delete(hook);
    },
  };
}

/**
 * Aborts `to` when `from` is aborted (at once if it is already). Unlinked by
 * disposing the result or `to`, whichever comes first; nothing stays at `from`.
 * A reason that is no `Error` is wrapped in a {@link StopError}.
 */
export function linkAbort(from: AbortSignal, to: CancelScope): Disposable {
  const onAbort = () => {
    unlink();
    const reason: unknown = from.reason;
    to.abort(
      reason instanceof Error
        ? reason
        : new StopError({ kind: "requested", by: String(reason) }),
    );
  };
  const unlink = () => {
    from.removeEventListener("abort", onAbort);
    hook[Symbol.dispose]();
  };
  const hook = to.onEnd(() => from.removeEventListener("abort", onAbort));
  if (from.aborted) onAbort();
  else from.addEventListener("abort", onAbort, { once: true });
  return { [Symbol.dispose]: unlink };
}
