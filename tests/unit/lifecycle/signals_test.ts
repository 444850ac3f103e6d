import { assert, assertEquals } from "@std/assert";
import {
  denoSignals,
  platformSignals,
  type SignalName,
  type SignalRuntime,
  SIGNALS,
} from "@oms/lifecycle";
import { SignalCounter } from "../../../src/lifecycle/escalation.ts";

class FakeRuntime implements SignalRuntime {
  readonly listeners = new Map<SignalName, () => void>();
  readonly #unknown: readonly SignalName[];
  constructor(unknown: readonly SignalName[] = []) {
    this.#unknown = unknown;
  }
  addSignalListener(name: SignalName, handler: () => void): void {
    if (this.#unknown.includes(name)) throw new TypeError(`no ${name} here`);
    this.listeners.set(name, handler);
  }
  removeSignalListener(name: SignalName): void {
    this.listeners.delete(name);
  }
  raise(name: SignalName): void {
    this.listeners.get(name)?.();
  }
}

Deno.test("signals before the first subscriber are kept and delivered once, in order", () => {
  const runtime = new FakeRuntime();
  using signals = denoSignals(runtime, ["SIGTERM", "SIGINT"]);
  runtime.raise("SIGTERM");
  runtime.raise("SIGINT");
  const seen: string[] = [];
  signals.subscribe(({ name }) => seen.push(name));
  signals.subscribe(({ name }) => seen.push(`second ${name}`));
  assertEquals(seen, ["SIGTERM", "SIGINT"]);
  runtime.raise("SIGTERM");
  assertEquals(seen.slice(2), ["SIGTERM", "second SIGTERM"]);
});

Deno.test("F05 signals without a meaning, however many come before the first subscriber, crowd out none that has one", () => {
  const runtime = new FakeRuntime();
  using signals = denoSignals(runtime);
  for (let i = 0; i < 100; i++) runtime.raise("SIGHUP");
  for (let i = 0; i < 100; i++) runtime.raise("SIGQUIT");
  runtime.raise("SIGTERM");
  const seen: string[] = [];
  signals.subscribe(({ name }) => seen.push(name));
  assertEquals(seen.at(-1), "SIGTERM");
  assert(seen.length < 50, `${seen.length} are kept`);
});

Deno.test("F05 the signals that must not kill are listened for and mean nothing", () => {
  for (const name of ["SIGHUP", "SIGPIPE", "SIGUSR1"] as const) {
    assert(platformSignals("linux").includes(name));
    assertEquals(SIGNALS[name].role, "ignore");
  }
});

Deno.test("a signal that the platform does not know is skipped, the others work", () => {
  const runtime = new FakeRuntime(["SIGTERM", "SIGQUIT"]);
  using signals = denoSignals(runtime);
  const seen: string[] = [];
  signals.subscribe(({ name }) => seen.push(name));
  runtime.raise("SIGINT");
  assertEquals(seen, ["SIGINT"]);
});

Deno.test("on Windows only what Deno knows there", () => {
  assertEquals(platformSignals("windows"), ["SIGINT", "SIGBREAK"]);
});

Deno.test("disposing leaves no listener at the process, unsubscribing none at the source", () => {
  const runtime = new FakeRuntime();
  const signals = denoSignals(runtime);
  assert(runtime.listeners.size > 0);
  let calls = 0;
  signals.subscribe(() => calls++)[Symbol.dispose]();
  runtime.raise("SIGTERM");
  assertEquals(calls, 0);
  signals[Symbol.dispose]();
  signals[Symbol.dispose]();
  assertEquals(runtime.listeners.size, 0);
});

Deno.test("F04 1-3 signals within 5 ms are one; the next is the second, the next the third", () => {
  const counter = new SignalCounter();
  const at = [1000, 1002, 1005, 2000, 2002, 2100, 2101, 2200];
  assertEquals(at.map((each) => counter.next(each)), [
    "stop",
    "same",
    "same",
    "force",
    "same",
    "exit",
    "same",
    "exit",
  ]);
});

Deno.test("F04 exactly 500 ms is the same signal, more is another; a held key forces nothing", () => {
  const counter = new SignalCounter();
  assertEquals(counter.next(0), "stop");
  assertEquals(counter.next(500), "same");
  assertEquals(counter.next(1000), "same");
  assertEquals(counter.next(1501), "force");
});
