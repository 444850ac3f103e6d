/** Runs the store's writer on the test's own thread, over a database that the test may make fail. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { openWriter } from "../../src/storage/sqlite/open_writer.ts";
import type { StartWriter } from "../../src/storage/sqlite/writer_host.ts";

/** @param arrange receives the opened database, and may hand another one to the writer */
export function inlineWriter(
  arrange: (db: DatabaseSync) => DatabaseSync = (db) => db,
): StartWriter {
  return (spec) => {
    const writer = openWriter(spec, arrange);
    return Promise.resolve({
      identity: writer.identity,
      counters: writer.counters,
      apply: (requests) => Promise.resolve(writer.applyBatch(requests)),
      close: () => Promise.resolve(writer.close()),
    });
  };
}

/** An error as node:sqlite throws it. */
export function sqliteError(errcode: number, message: string): Error {
  return Object.assign(new Error(message), {
    code: "ERR_SQLITE_ERROR",
    errcode,
    errstr: message,
  });
}

/** A database whose COMMIT fails with what `next` returns, as long as it returns something. */
export function failingCommit(
  db: DatabaseSync,
  next: () => Error | null,
): DatabaseSync {
  return new Proxy(db, {
    get(target, name) {
      if (name === "prepare") {
        return (sql: string): StatementSync => {
          const statement = target.prepare(sql);
          return sql === "COMMIT" ? failing(statement, next) : statement;
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function failing(
  statement: StatementSync,
  next: () => Error | null,
): StatementSync {
  return new Proxy(statement, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const error = next();
        if (error !== null) throw error;
        return Reflect.apply(value, target, args);
      };
    },
  });
}
