/**
 * What the Dockerfile's last stage says, for tests that run or look at such an image without Docker.
 *
 * Invariant: the Dockerfile stays the one place for these settings. Not promised: the whole language; instructions that
 * this project does not use, and variables other than build arguments in labels, are not understood.
 *
 * @module
 */
import { BuildError, ROOT } from "../build/project.ts";

/** Settings of the image. */
export interface ImageSettings {
  readonly base: string;
  /** `uid:gid`. */
  readonly user: string;
  readonly workdir: string;
  readonly entrypoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly stopSignal: string;
  readonly healthcheck: readonly string[];
}

type Instruction = { readonly name: string; readonly rest: string };

/** Reads the Dockerfile. @throws BuildError when an instruction that is needed is missing */
export function readDockerfile(path = `${ROOT}Dockerfile`): ImageSettings {
  const all = instructions(Deno.readTextFileSync(path));
  const stage = all.slice(
    all.findLastIndex(({ name }) => name === "FROM"),
  );
  const of = (name: string) =>
    stage.filter((each) => each.name === name).map(({ rest }) => rest);
  const one = (name: string): string => {
    const text = of(name).at(-1);
    if (text === undefined) {
      throw new BuildError(`Cannot use ${path}: its last stage has no ${name}`);
    }
    return text;
  };
  return {
    base: one("FROM"),
    user: one("USER"),
    workdir: one("WORKDIR"),
    entrypoint: list(one("ENTRYPOINT")),
    env: pairs(of("ENV").join(" ")),
    labels: pairs(of("LABEL").join(" ")),
    ports: one("EXPOSE").split(/\s+/),
    volumes: of("VOLUME").flatMap(list),
    stopSignal: one("STOPSIGNAL"),
    healthcheck: list(one("HEALTHCHECK").replace(/^.*?CMD\s+/, "")),
  };
}

function instructions(text: string): Instruction[] {
  return text.replaceAll(/^\s*#.*\n/gm, "").replaceAll(/\\\n\s*/g, " ")
    .split("\n").flatMap((line) => {
      const match = /^\s*([A-Z]+)\s+(.*\S)\s*$/.exec(line);
      return match === null
        ? []
        : [{ name: match[1] ?? "", rest: match[2] ?? "" }];
    });
}

/** The exec form. @throws BuildError for the shell form: the image has no shell */
function list(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (
      Array.isArray(value) && value.every((each) => typeof each === "string")
    ) return value;
  } catch {
    // Said below.
  }
  throw new BuildError(
    `Cannot use ${text} in the Dockerfile: the image has no shell, write a list of words`,
  );
}

function pairs(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)].map((
      [, name = "", quoted, bare],
    ) => [name, quoted ?? bare ?? ""]),
  );
}
