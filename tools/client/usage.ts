/** What all tools do with their command lines: a wrong one ends with 2 and says what to change, help with 0. */
import { Command, CommanderError } from "commander";

/** A tool's command, or the one that holds its sub-commands. A wrong command line makes it throw: see `usageExit`. */
export function toolCommand(name: string): Command {
  return new Command(name)
    .exitOverride()
    .showHelpAfterError("(--help lists what there is)");
}

/**
 * The exit code after what `toolCommand` threw; it has told the reason by then.
 *
 * @throws the error itself when it is about something else
 */
export function usageExit(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  throw error;
}
