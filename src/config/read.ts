/**
 * The environment's texts as values, variable by variable.
 *
 * Invariants: every variable is read, whatever is wrong with another; a message
 * never shows a secret, nor the credentials of a URL. Files are read once.
 * Not promised: that values fit together; checks.ts says that.
 */
import type { ConfigProblem } from "./errors.ts";
import { MASK } from "./secret.ts";
import type { Variable, VariableKind } from "./variable.ts";
import { type Values, type VariableKey, VARIABLES } from "./variables.ts";

/** An environment, as Deno.env.toObject() gives it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a text file; throws when it cannot. */
export type ReadFile = (path: string) => string;

/** Where a value came from; `unset`: nowhere, and there is no default. */
export type ValueSource = "default" | "env" | "file" | "unset";

/** What was read. */
export interface Reading {
  /** Values of the variables that are neither failed nor unset. */
  readonly values: Partial<Values>;
  readonly sources: ReadonlyMap<VariableKey, ValueSource>;
  /** Variables with a mistake: they have no value. */
  readonly failed: ReadonlySet<VariableKey>;
  readonly problems: readonly ConfigProblem[];
}

type Failure = { readonly problem: ConfigProblem };
type Raw =
  | { readonly text: string | undefined; readonly source: ValueSource }
  | Failure;

/** Reads all variables of the table. */
export function readEnvironment(
  env: Environment,
  readFile: ReadFile,
): Reading {
  const values: Partial<Record<VariableKey, unknown>> = {};
  const sources = new Map<VariableKey, ValueSource>();
  const failed = new Set<VariableKey>();
  const problems: ConfigProblem[] = [];
  for (const key of variableKeys()) {
    const variable: Variable<unknown> = VARIABLES[key];
    const result = readVariable(variable, env, readFile);
    if ("problem" in result) {
      failed.add(key);
      problems.push(result.problem);
    } else {
      values[key] = result.value;
      sources.set(key, result.source);
    }
  }
  // Each value came from the parser of its own row: that is what Values says.
  return { values: values as Partial<Values>, sources, failed, problems };
}

/** Keys of the table, in its order. */
export function variableKeys(): VariableKey[] {
  // Object.keys forgets the key type of a const object.
  return Object.keys(VARIABLES) as VariableKey[];
}

/** All names that mean something, `NAME_FILE` included. */
export function knownNames(): Set<string> {
  return new Set(
    variableKeys().flatMap((key) => {
      const { name, kind } = VARIABLES[key];
      return kind === "plain" ? [name] : [name, fileName(name)];
    }),
  );
}

const fileName = (name: string) => `${name}_FILE`;

function rawText(
  variable: Variable<unknown>,
  env: Environment,
  readFile: ReadFile,
): Raw {
  const { name, kind, fallback } = variable;
  const own = env[name] ?? "";
  const path = kind === "plain" ? "" : env[fileName(name)]?.trim() ?? "";
  if (own !== "" && path !== "") {
    return failure(name, `is set together with ${fileName(name)}: keep one`);
  }
  if (path !== "") return fromFile(fileName(name), path, kind, readFile);
  const isPem = kind === "certificate" || kind === "key";
  if (isPem && own !== "" && !own.includes("-----BEGIN")) {
    return fromFile(name, own.trim(), kind, readFile);
  }
  const text = kind === "plain" ? own.trim() : own;
  if (text !== "") return { text, source: "env" };
  return {
    text: fallback,
    source: fallback === undefined ? "unset" : "default",
  };
}

function fromFile(
  name: string,
  path: string,
  kind: VariableKind,
  readFile: ReadFile,
): Raw {
  let text: string;
  try {
    text = readFile(path).replace(/\r?\n$/, "");
  } catch (error) {
    // Of a secret neither path nor message is shown: a key pasted without its
    // BEGIN line looks like a path, and so does a password in NAME_FILE.
    const shown = kind === "certificate" ? printable(path) : "the value";
    const why = error instanceof Error ? error.name : "unknown error";
    const orPem = name.endsWith("_FILE") || kind === "secret"
      ? ""
      : ", or the PEM itself with its BEGIN line";
    return failure(
      name,
      `${shown} names a file that cannot be read (${why}): write the path of one that can${orPem}`,
    );
  }
  return text === ""
    ? failure(name, `names ${path}, which is empty: put the value into it`)
    : { text, source: "file" };
}

function readVariable(
  variable: Variable<unknown>,
  env: Environment,
  readFile: ReadFile,
): { readonly value: unknown; readonly source: ValueSource } | Failure {
  const raw = rawText(variable, env, readFile);
  if ("problem" in raw) return raw;
  const { text, source } = raw;
  if (text === undefined) return { value: undefined, source };
  const result = variable.parser.safeParse(text);
  if (result.success) return { value: result.data, source };
  const shown = variable.kind === "plain" ? printable(text) : "the value";
  const wrong = result.error.issues[0]?.message ?? "is refused";
  return failure(variable.name, `${shown} ${wrong}`);
}

function failure(name: string, message: string): Failure {
  return { problem: { name, message } };
}

const MAX_SHOWN = 80;

/** The value without what a URL may hold of secrets: its credentials, its query. */
function printable(text: string): string {
  const safe = text
    .replace(/\/\/.*@/s, `//${MASK}@`)
    .replace(/(\/\/[^?#]*[?#]).+/s, `$1${MASK}`);
  return JSON.stringify(
    safe.length > MAX_SHOWN ? `${safe.slice(0, MAX_SHOWN)}…` : safe,
  );
}
