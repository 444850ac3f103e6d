/**
 * The providers of one run, which may go away and come back.
 *
 * Invariants: their ledger and their address outlive that; knobs that were
 * turned are back in the beginning's state after `restore`.
 */
import { DEFAULT_KNOBS, type Knobs } from "../providers/knobs.ts";
import {
  type ProviderServer,
  startProviderServer,
} from "../providers/server.ts";

export class StageProviders implements AsyncDisposable {
  readonly url: string;
  readonly #ledgerPath: string;
  readonly #knobs: Partial<Knobs>;
  #server: ProviderServer | null;

  private constructor(
    server: ProviderServer,
    ledgerPath: string,
    knobs: Partial<Knobs>,
  ) {
    this.url = server.url;
    this.#server = server;
    this.#ledgerPath = ledgerPath;
    this.#knobs = knobs;
  }

  static async start(
    ledgerPath: string,
    knobs: Partial<Knobs>,
  ): Promise<StageProviders> {
    const server = await startProviderServer({ ledgerPath, knobs });
    return new StageProviders(server, ledgerPath, knobs);
  }

  /** While they are away, what is set is lost. */
  setKnobs(knobs: Partial<Knobs>): void {
    this.#server?.setKnobs(knobs);
  }

  /** Connections are refused from now on; what runs is answered or cut. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.[Symbol.asyncDispose]();
  }

  async restore(): Promise<void> {
    this.#server?.setKnobs({ ...DEFAULT_KNOBS, ...this.#knobs });
    this.#server ??= await startProviderServer({
      ledgerPath: this.#ledgerPath,
      port: Number(new URL(this.url).port),
      knobs: this.#knobs,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
