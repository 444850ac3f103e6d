/**
 * What an error of SQLite means for the store.
 *
 * Only errors of prepared statements carry `errcode`; `DatabaseSync.exec` throws without one on Deno 2.8.3,
 * so everything that may fail at run time is a prepared statement.
 */
import {
  StoreContradictionError,
  StoreFatalError,
  StoreUnavailableError,
} from "../errors.ts";

/** Primary result codes of SQLite, https://sqlite.org/rescode.html */
export const ERROR = 1;
const IOERR = 10;
export const CORRUPT = 11;
const FULL = 13;
const CONSTRAINT = 19;
export const NOTADB = 26;
const READONLY = 8;
const BUSY = 5;

export type FailureClass = "unavailable" | "fatal" | "contradiction";

/** Crosses the boundary to the worker, where error classes do not survive. */
export interface Failure {
  readonly class: FailureClass;
  readonly message: string;
}

/** The primary result code, or null when the error is not SQLite's. */
export function primaryCode(error: unknown): number | null {
  if (!(error instanceof Error) || !("errcode" in error)) return null;
  return typeof error.errcode === "number" ? error.errcode & 0xff : null;
}

export function isConstraint(error: unknown): boolean {
  return primaryCode(error) === CONSTRAINT;
}

/** @param what the attempted action, as in "Cannot <what>" */
export function describeFailure(error: unknown, what: string): Failure {
  if (error instanceof StoreFatalError) {
    return { class: "fatal", message: error.message };
  }
  const code = primaryCode(error);
  const cause = error instanceof Error ? error.message : String(error);
  const say = (advice: string) => `Cannot ${what}: ${cause}; ${advice}`;
  switch (code) {
    case IOERR:
    case CORRUPT:
    case NOTADB:
      return {
        class: "fatal",
        message: say("check the disk, then start again"),
      };
    case FULL:
      return { class: "unavailable", message: say("free some disk space") };
    case READONLY:
      return { class: "unavailable", message: say("make the disk writable") };
    case BUSY:
      return {
        class: "unavailable",
        message: say("another program holds the file; let it finish"),
      };
    case CONSTRAINT:
      return {
        class: "contradiction",
        message: say("the change set contradicts what is stored"),
      };
    default:
      return { class: "unavailable", message: say("try again later") };
  }
}

export function failureError(failure: Failure): Error {
  switch (failure.class) {
    case "unavailable":
      return new StoreUnavailableError(failure.message);
    case "fatal":
      return new StoreFatalError(failure.message);
    case "contradiction":
      return new StoreContradictionError(failure.message);
  }
}
