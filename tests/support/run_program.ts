/** Programs of the machine, run to their end; their output as text. */

export interface Ran {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Null when there is no such program. */
export async function run(
  program: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Record<string, string>;
    readonly stdin?: string;
  } = {},
): Promise<Ran | null> {
  const { stdin, ...rest } = options;
  const command = new Deno.Command(program, {
    args: [...args],
    ...rest,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  });
  let child: Deno.ChildProcess;
  try {
    child = command.spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const output = child.output();
  if (stdin !== undefined) {
    await new Blob([stdin]).stream().pipeTo(child.stdin);
  }
  const { success, stdout, stderr } = await output;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, stdout: text(stdout), stderr: text(stderr) };
}
