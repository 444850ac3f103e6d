/**
 * What nobody caught becomes an ordered stop with exit code 1.
 *
 * Invariants: the default (exit in the middle of everything) is prevented;
 * an error that the application knows to be harmless stops nothing.
 * Not promised: help against a blocked event loop or a crash of the runtime.
 *
 * @module
 */

import { isDispatchingAbort } from "./cancel_scope.ts";
import { toError } from "./errors.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { TaskGroup, TaskHandle } from "./task_group.ts";

/** How uncaught errors are treated. */
export interface FatalHandlerOptions {
  /** True: known to be harmless; `onHarmless` is called and nothing stops. */
  readonly isHarmless?: (error: Error) => boolean;
  /** Told of each harmless error. */
  readonly onHarmless?: (error: Error) => void;
}

/**
 * Routes unhandled rejections and uncaught errors to `lifecycle.fatal`. Keep it
 * until the process ends, so that a late rejection cannot change its exit code.
 */
export function installFatalHandlers(
  lifecycle: Pick<Lifecycle, "fatal">,
  options: FatalHandlerOptions = {},
): Disposable {
  const judge = (thrown: unknown) => {
    const error = toError(thrown);
    let harmless = false;
    try {
      harmless = options.isHarmless?.(error) ?? false;
      if (harmless) options.onHarmless?.(error);
    } catch {
      // A broken filter decides nothing: the error stays fatal.
    }
    if (!harmless) lifecycle.fatal(error);
  };
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    judge(event.reason);
  };
  const onError = (event: ErrorEvent) => {
    if (isDispatchingAbort()) return;
    event.preventDefault();
    judge(event.error);
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    },
  };
}

/**
 * Spawns a loop that has to live as long as the process: when it fails, or
 * returns although no stop was asked for, that is fatal.
 */
export function superviseLoop(
  lifecycle: Pick<Lifecycle, "fatal" | "stopping">,
  group: TaskGroup,
  name: string,
  loop: Parameters<TaskGroup["spawn"]>[1],
): TaskHandle {
  const handle = group.spawn(name, loop);
  handle.done.then((outcome) => {
    if (outcome.status === "failed") {
      lifecycle.fatal(
        new Error(`Loop ${handle.name} failed: ${outcome.error.message}`, {
          cause: outcome.error,
        }),
      );
    } else if (outcome.status === "done" && !lifecycle.stopping.aborted) {
      lifecycle.fatal(
        new Error(`Loop ${handle.name} ended although nothing stops it`),
      );
    }
  });
  return handle;
}
