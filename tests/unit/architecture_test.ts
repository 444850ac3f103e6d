/** Imports point one way, and the layers know only what they may know. */
import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** Each may import only from itself and from those further down (docs/architecture.md). */
const LAYERS = [
  "main.ts",
  "src/app",
  "src/config",
  "src/http",
  "src/grpc",
  "src/commands",
  "src/sagas",
  "src/events",
  "src/providers",
  "src/storage",
  "src/orders",
  "src/telemetry",
  "src/lifecycle",
];

interface Source {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly from: string;
  /** A path from the root, or a bare specifier. */
  readonly to: string;
}

function* sources(folder: string): Generator<Source> {
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) yield* sources(`${path}/`);
    else if (/\.(ts|js)$/.test(entry.name)) {
      yield { path, text: Deno.readTextFileSync(new URL(path, ROOT)) };
    }
  }
}

/** Static imports, re-exports, dynamic imports and workers' `new URL(…, import.meta.url)`. */
const SPECIFIERS = [
  /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm,
  /^\s*import\s*["']([^"']+)["']/gm,
  /\bimport\(\s*["']([^"']+)["']\s*\)/g,
  /\bnew URL\(\s*["'](\.[^"']+)["']\s*,\s*import\.meta\.url/g,
];

function importsOf({ path, text }: Source): Import[] {
  return SPECIFIERS.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, specifier = ""]) => ({
      from: path,
      to: specifier.startsWith(".")
        ? new URL(specifier, new URL(path, ROOT)).href.slice(ROOT.href.length)
        : specifier,
    }))
  );
}

const SRC = [...sources("src/")];
const IMPORTS = SRC.flatMap(importsOf);

/** Index in LAYERS, or -1. `src/app.ts` and `src/app/x.ts` are the same layer. */
function layerOf(path: string): number {
  if (path.startsWith("@oms/lifecycle")) {
    return LAYERS.indexOf("src/lifecycle");
  }
  return LAYERS.findIndex((layer) =>
    path === layer || path === `${layer}.ts` || path.startsWith(`${layer}/`)
  );
}

function shown({ from, to }: Import): string {
  return `${from} imports ${to}`;
}

Deno.test("the parser sees imports of every form", () => {
  const text = `
import { a } from "./a.ts";
import type {
  B,
} from "../b.ts";
export * from "@oms/lifecycle";
import "./side.ts";
const c = await import("./c.ts");
new Worker(new URL("./w.ts", import.meta.url));
`;
  assertEquals(
    importsOf({ path: "src/x/y.ts", text }).map(({ to }) => to).sort(),
    [
      "@oms/lifecycle",
      "src/b.ts",
      "src/x/a.ts",
      "src/x/c.ts",
      "src/x/side.ts",
      "src/x/w.ts",
    ],
  );
  assert(SRC.length > 100 && IMPORTS.length > 300, "it reads the tree");
});

Deno.test("every source file belongs to a layer", () => {
  const strays = SRC.map(({ path }) => path).filter((path) =>
    layerOf(path) === -1
  );
  assertEquals(strays, []);
});

Deno.test("imports point one way: downwards", () => {
  const wrong = IMPORTS.filter(({ from, to }) =>
    layerOf(to) !== -1 && layerOf(to) < layerOf(from)
  );
  assertEquals(wrong.map(shown), []);
});

Deno.test("src/lifecycle imports nothing outside of itself", () => {
  const wrong = IMPORTS.filter(({ from, to }) =>
    from.startsWith("src/lifecycle/") && !to.startsWith("src/lifecycle/")
  );
  assertEquals(wrong.map(shown), []);
});

Deno.test("src/lifecycle knows no word of orders", () => {
  const words =
    /\b(orders|order[_ ]?id|an order\b(?! of)|saga\w*|payment\w*|refund\w*|charge\w*|inventory|outbox|kafka\w*|grpc\w*|sqlite\w*|topic\w*)\b|Order(?:Id|Status|s)\b/i;
  const wrong = SRC.filter(({ path }) => path.startsWith("src/lifecycle/"))
    .flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, index) =>
        words.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []
      )
    );
  assertEquals(wrong, []);
});

Deno.test("src/orders is pure: no I/O, no clock, no randomness but ids", () => {
  const wrong = IMPORTS.filter(({ from, to }) => {
    if (!from.startsWith("src/orders/")) return false;
    const id = from === "src/orders/ids.ts" && to === "uuid";
    return !to.startsWith("src/orders/") && !id;
  });
  assertEquals(wrong.map(shown), []);
  const impure =
    /\bDeno\.|\bDate\.now\b|new Date\(\)|Math\.random|\bfetch\(|setTimeout|crypto\.|performance\./;
  const found = SRC.filter(({ path }) => path.startsWith("src/orders/"))
    .filter(({ text }) => impure.test(text)).map(({ path }) => path);
  assertEquals(found, []);
});

Deno.test("the saga definitions and the transitions are pure too", () => {
  const pure = ["pay", "cancel", "refund", "definition", "transition"]
    .map((name) => `src/sagas/${name}.ts`);
  const wrong = IMPORTS.filter(({ from, to }) =>
    pure.includes(from) && !pure.includes(to) &&
    !to.startsWith("src/orders/") && to !== "src/providers/provider.ts"
  );
  assertEquals(wrong.map(shown), []);
});

Deno.test("no file of src imports tests, tools, examples or scripts", () => {
  const wrong = IMPORTS.filter(({ to }) =>
    /^(tests|tools|examples|scripts)\//.test(to)
  );
  assertEquals(wrong.map(shown), []);
});

Deno.test("a test that needs Kafka, helm or strace is handed to Deno.test: what is only made never runs", () => {
  const stray =
    /(?<!Deno\.test\(\s*)\b(?:kafkaTest|secureKafkaTest|realKafkaTest|helmTest|powerlossTest)\(/;
  const suites = [...sources("tests/")].filter(({ path }) =>
    path.endsWith("_test.ts") && !path.startsWith("tests/unit/")
  );
  assert(stray.test("\n  kafkaTest("), "it would be seen");
  assert(suites.some(({ text }) => text.includes("kafkaTest(")));
  assertEquals(
    suites.filter(({ text }) => stray.test(text)).map(({ path }) => path),
    [],
  );
});
