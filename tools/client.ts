/**
 * `deno task client` and `oms client`: the six calls from a command line. JSON out.
 *
 * Exit codes: 0 the call was answered OK, 1 it was not (the error as JSON on
 * stderr), 2 the command line is wrong.
 */
import { runClient } from "./client/cli.ts";

/** @returns the exit code */
export function main(args: readonly string[]): Promise<number> {
  const write =
    (stream: { writeSync(data: Uint8Array): number }) => (text: string) => {
      let data = new TextEncoder().encode(text);
      while (data.length > 0) data = data.subarray(stream.writeSync(data));
    };
  return runClient(args, {
    out: write(Deno.stdout),
    err: write(Deno.stderr),
    env: (name) => Deno.env.get(name),
  });
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
