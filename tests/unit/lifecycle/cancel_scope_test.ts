import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import {
  CancelScope,
  installFatalHandlers,
  linkAbort,
  StopError,
} from "@oms/lifecycle";

const because = () => new StopError({ kind: "requested", by: "a test" });

Deno.test("abort reaches everything below, with one reason, and nothing above", () => {
  const root = new CancelScope("root");
  const left = root.child("left");
  const leaf = left.child("leaf");
  const right = root.child("right");
  const reason = because();
  left.abort(reason);
  assert(left.aborted && leaf.aborted && !right.aborted && !root.aborted);
  assertStrictEquals(leaf.signal.reason, reason);
  assertStrictEquals(leaf.reason, reason);
  assertEquals(leaf.name, "root/left/leaf");
  assertEquals(reason.name, "AbortError");
});

Deno.test("the first reason wins", () => {
  const scope = new CancelScope("scope");
  const first = because();
  scope.abort(first);
  scope.abort(because());
  assertStrictEquals(scope.reason, first);
});

Deno.test("a child of an aborted scope is born aborted and is not linked", () => {
  const root = new CancelScope("root");
  root.abort(because());
  const child = root.child("late");
  assert(child.aborted && child.signal.aborted);
  assertStrictEquals(child.reason, root.reason);
  assertEquals(root.childCount, 0);
});

Deno.test("a disposed or aborted child leaves nothing at its parent", () => {
  const root = new CancelScope("root");
  for (let i = 0; i < 1000; i++) {
    using child = root.child(`request_${i}`);
    child.onAbort(() => {});
  }
  root.child("aborted").abort(because());
  assertEquals([root.childCount, root.hookCount], [0, 0]);
});

Deno.test("disposing is not aborting, and a disposed scope stays quiet", () => {
  const root = new CancelScope("root");
  const child = root.child("child");
  child[Symbol.dispose]();
  child[Symbol.dispose]();
  root.abort(because());
  child.abort(because());
  assert(!child.aborted && !child.signal.aborted);
});

Deno.test("children of a disposed scope still hear its ancestors", () => {
  const root = new CancelScope("root");
  const middle = root.child("middle");
  const before = middle.child("before");
  middle[Symbol.dispose]();
  const after = middle.child("after");
  root.abort(because());
  assert(before.aborted && after.aborted);
  assert(middle.child("later").aborted);
});

Deno.test("hooks run once, at once when it is too late, and can be taken back", () => {
  const scope = new CancelScope("scope");
  const calls: string[] = [];
  scope.onAbort(() => calls.push("kept"));
  scope.onAbort(() => calls.push("taken back"))[Symbol.dispose]();
  scope.onEnd(() => calls.push("end"));
  scope.abort(because());
  scope.onAbort(() => calls.push("late"));
  scope.onEnd(() => calls.push("late end"));
  scope[Symbol.dispose]();
  assertEquals(calls, ["kept", "end", "late", "late end"]);
  assertEquals(scope.hookCount, 0);
});

Deno.test("a throwing listener, native or hook, stops no other and kills nobody", () => {
  const complaints: string[] = [];
  const root = new CancelScope("root", {
    onListenerError: (error, scope) => {
      complaints.push(`${scope}: ${String(error)}`);
      throw new Error("the place for complaints is broken, too");
    },
  });
  const heard: string[] = [];
  const bad = root.child("bad");
  const good = root.child("good");
  bad.onAbort(() => {
    throw new Error("hook");
  });
  bad.signal.addEventListener("abort", () => {
    throw new Error("native");
  });
  bad.signal.addEventListener("abort", () => heard.push("bad, second"));
  good.signal.addEventListener("abort", () => heard.push("good"));
  root.signal.addEventListener("abort", () => heard.push("root"));
  root.abort(because());
  assertEquals(heard, ["bad, second", "good", "root"]);
  assertEquals(complaints, [
    "root/bad: Error: hook",
    "root/bad: Error: native",
  ]);
});

Deno.test("a listener's error is its scope's affair, not a fatal error", () => {
  const fatal: unknown[] = [];
  const complaints: unknown[] = [];
  using _handlers = installFatalHandlers({ fatal: (e) => fatal.push(e) });
  const scope = new CancelScope("scope", {
    onListenerError: (error) => complaints.push(error),
  });
  scope.signal.addEventListener("abort", () => {
    throw new Error("boom");
  });
  scope.abort(because());
  assertEquals([fatal.length, complaints.length], [0, 1]);
});

Deno.test("a listener that makes a child while the abort is on gets an aborted one", () => {
  const root = new CancelScope("root");
  let born: CancelScope | undefined;
  root.child("first").onAbort(() => {
    born = root.child("late");
  });
  root.abort(because());
  assert(born?.aborted);
});

Deno.test("linkAbort passes the abort on and leaves no listener, whoever ends first", () => {
  const source = countedSignal();
  const bySource = new CancelScope("by source");
  linkAbort(source.signal, bySource);
  const disposedLink = new CancelScope("link disposed");
  linkAbort(source.signal, disposedLink)[Symbol.dispose]();
  const disposed = new CancelScope("scope disposed");
  linkAbort(source.signal, disposed);
  disposed[Symbol.dispose]();
  const aborted = new CancelScope("scope aborted");
  linkAbort(source.signal, aborted);
  aborted.abort(because());
  assertEquals(source.count(), 1);
  assertEquals(disposedLink.hookCount, 0);

  const reason = because();
  source.controller.abort(reason);
  assertStrictEquals(bySource.reason, reason);
  assert(!disposedLink.aborted && !disposed.aborted);
  assertEquals([source.count(), bySource.hookCount], [0, 0]);
});

Deno.test("linkAbort to a signal that is aborted already; a foreign reason is wrapped", () => {
  const controller = new AbortController();
  controller.abort("just a string");
  const scope = new CancelScope("scope");
  linkAbort(controller.signal, scope);
  assert(scope.reason instanceof StopError);
  assert(scope.reason.message.includes("just a string"));
});

Deno.test("property: after any history, a live scope is aborted iff an ancestor was while it lived", () => {
  const seed = Date.now() % 2 ** 31;
  console.log(`seed ${seed}`);
  const action = fc.record({
    kind: fc.constantFrom("child", "abort", "dispose"),
    target: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (history) => {
      const scopes = [new CancelScope("0")];
      // The model: parents as born, and what each is known to be.
      const parent = [-1];
      const aborted = [false];
      const disposed = [false];
      const abortBelow = (index: number) => {
        if (disposed[index]) return void eachChild(index, abortBelow);
        aborted[index] = true;
        eachChild(index, abortBelow);
      };
      const eachChild = (index: number, visit: (child: number) => void) =>
        parent.forEach((p, child) => {
          if (p === index && !aborted[child]) visit(child);
        });
      const heir = (index: number): number =>
        index >= 0 && disposed[index] && !aborted[index]
          ? heir(parent[index] ?? -1)
          : index;

      for (const { kind, target } of history) {
        const index = target % scopes.length;
        const scope = scopes[index];
        if (!scope) continue;
        if (kind === "child") {
          scopes.push(scope.child(String(scopes.length)));
          parent.push(index);
          disposed.push(false);
          const live = heir(index);
          aborted.push(live >= 0 && (aborted[live] ?? false));
        } else if (kind === "abort") {
          scope.abort(because());
          if (!disposed[index] && !aborted[index]) abortBelow(index);
        } else {
          scope[Symbol.dispose]();
          disposed[index] = true;
        }
        assertEquals(scopes.map((each) => each.aborted), aborted);
        assertEquals(scopes.map((each) => each.signal.aborted), aborted);
      }
      for (const scope of scopes) scope[Symbol.dispose]();
      assert(scopes.every((each) => each.childCount === 0));
    }),
    { seed, numRuns: 300 },
  );
});

function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  const live = new Set<unknown>();
  signal.addEventListener = (
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ) => {
    live.add(listener);
    count = live.size;
    if (listener) add(type, listener, options);
  };
  signal.removeEventListener = (
    type: string,
    listener: EventListenerOrEventListenerObject | null,
  ) => {
    live.delete(listener);
    count = live.size;
    if (listener) remove(type, listener);
  };
  return { controller, signal, count: () => count };
}
