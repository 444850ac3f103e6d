/**
 * The rules of docs/providers.md, played against an adapter.
 *
 * Invariants: every key and order is of this run alone; what was charged is refunded and what was reserved is
 * released, as far as the adapter lets it.
 * Not promised: to see behind the adapter.
 */
import type { ExternalStep } from "../../../src/orders/saga.ts";
import type { Answer, Asked, Player } from "./player.ts";
import { described, type Row } from "./rows.ts";

/** What the adapter's sandbox accepts, and what it declines. */
export interface Goods {
  readonly sku: string;
  readonly currency: string;
  readonly amountMinor: string;
  readonly declineAmountMinor: string | null;
  readonly declineSku: string | null;
}

const AT_ONCE = 8;

/** Nobody answered the first call: there is nothing to judge. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

export class Contract {
  readonly rows: Row[] = [];
  readonly #player: Player;
  /** The same adapter, without what says who we are; null where nothing does. */
  readonly #stranger: Player | null;
  readonly #goods: Goods;
  readonly #run: string;
  #keys = 0;

  constructor(
    player: Player,
    stranger: Player | null,
    goods: Goods,
    run: string,
  ) {
    this.#player = player;
    this.#stranger = stranger;
    this.#goods = goods;
    this.#run = run;
  }

  /** @throws UnreachableError */
  async payment(): Promise<void> {
    const amount = this.#goods.amountMinor;
    const charges = await this.#effect(
      this.#new("charge", this.#money(amount)),
    );
    await this.#declines(
      "charge",
      this.#goods.declineAmountMinor,
      (amount) => this.#money(amount),
    );
    const [charge, ...others] = charges;
    if (charge === undefined) {
      return this.#skip("refund", "all rules", "nothing could be charged");
    }
    const refund = (charge_id: string) => ({
      ...this.#money(amount),
      charge_id,
    });
    await this.#effect(
      this.#new("refund", refund(charge)),
      others[0] === undefined ? undefined : refund(others[0]),
    );
  }

  /** @throws UnreachableError */
  async inventory(): Promise<void> {
    const items = (sku: string) => ({ items: [{ sku, qty: 1 }] });
    const first = this.#new("reserve", items(this.#goods.sku));
    const [id, ...others] = await this.#effect(first);
    await this.#declines("reserve", this.#goods.declineSku, items);
    if (id === undefined) {
      return this.#skip("release", "all rules", "nothing could be reserved");
    }
    const release = (reservation_id: string) =>
      this.#new("release", { reservation_id });
    const released = release(id);
    const answer = await this.#player.settle(released);
    this.#judge(
      released,
      "done, by the reservation's id",
      answer,
      isDone(answer),
    );
    const again = await this.#player.settle(released);
    this.#judge(released, "the same key again is done", again, isDone(again));
    const other = await this.#player.settle(release(id));
    this.#judge(
      released,
      "what is released already is done: 404 or 410",
      other,
      isDone(other),
      isGone(other),
    );
    const never = await this.#player.settle(release(`never-${this.#run}`));
    this.#judge(
      released,
      "what was never reserved is done: 404 or 410",
      never,
      isDone(never),
      isGone(never),
    );
    await this.#releaseByKey(items(this.#goods.sku));
    for (const left of others) await this.#player.settle(release(left));
  }

  async #releaseByKey(items: object): Promise<void> {
    const reserve = this.#new("reserve", items);
    const rule =
      "by the key of the reserve call, it releases what that reserved";
    const reserved = await this.#player.settle(reserve);
    const release = this.#new("release", { reservation_id: reserve.key });
    const answer = await this.#player.settle(release);
    const released = isDone(answer) && !isGone(answer);
    this.#judge(release, rule, answer, isDone(reserved) && released);
    if (released || reserved.result.kind !== "done") return;
    const { id } = reserved.result;
    await this.#player.settle(this.#new("release", { reservation_id: id }));
  }

  /**
   * What holds for each call that changes something.
   * @param other a body for a second effect, if the first's may not be sent twice
   * @returns ids of the effects
   */
  async #effect(first: Asked, other?: object): Promise<string[]> {
    const { step, body } = first;
    const done = await this.#player.settle(first);
    if (done.exchanged === null) {
      throw new UnreachableError(`${step}: ${described(done)}`);
    }
    this.#judge(first, "done: 200 or 201 with an id", done, isDone(done));
    if (done.result.kind !== "done") return [];
    const ids = [done.result.id];
    const json = /^application\/(?:[\w.+-]+\+)?json\b/i
      .test(done.exchanged.contentType ?? "");
    this.#judge(first, "its content type is JSON", done, true, json);

    const same = await this.#player.settle(first);
    this.#judge(
      first,
      "the same key and bytes get the same id",
      same,
      idOf(same) === ids[0],
    );
    const otherBytes = await this.#player.ask({ ...first, body: `${body} ` });
    this.#judge(
      first,
      "the same key with other bytes is refused: 4xx",
      otherBytes,
      isRefused(otherBytes),
    );
    const keyless = await this.#player.ask({ ...first, key: "" });
    this.#judge(first, "no key is refused: 4xx", keyless, isRefused(keyless));
    const garbage = await this.#player.ask({
      ...this.#new(step, {}),
      body: '{"order_id":',
    });
    this.#judge(
      first,
      "a body that is not JSON is refused: 4xx",
      garbage,
      isRefused(garbage),
    );
    await this.#strangers(first);
    const second = other ?? (step === "refund" ? null : JSON.parse(body));
    if (second === null) {
      this.#skip(
        step,
        `${AT_ONCE} at once`,
        "there is nothing to refund twice",
      );
    } else ids.push(...await this.#atOnce(this.#new(step, second)));
    return ids;
  }

  async #atOnce(asked: Asked): Promise<string[]> {
    const rule = `${AT_ONCE} calls of a key at once have one answer`;
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () => this.#player.ask(asked)),
    );
    const last = await this.#player.settle(asked);
    const found = [...answers, last];
    const ids = new Set(found.flatMap((answer) => idOf(answer) ?? []));
    const odd = found.find((answer) =>
      !isDone(answer) && answer.result.kind !== "unknown"
    );
    this.#judge(
      asked,
      rule,
      odd ?? last,
      odd === undefined && isDone(last) && ids.size === 1,
      true,
      ids.size > 1 ? `ids ${[...ids].join(", ")}` : undefined,
    );
    return [...ids];
  }

  async #strangers({ step, body }: Asked): Promise<void> {
    const rule = "without our credentials it is refused: 401 or 403";
    if (this.#stranger === null) {
      return this.#skip(step, rule, "no token is set");
    }
    const asked = this.#new(step, JSON.parse(body));
    const answer = await this.#stranger.ask(asked);
    const status = answer.exchanged?.status ?? 0;
    this.#judge(asked, rule, answer, [401, 403].includes(status));
  }

  async #declines(
    step: "charge" | "reserve",
    what: string | null,
    bodyOf: (what: string) => object,
  ): Promise<void> {
    const rule = "a decline has a reason, and the same key gets it again";
    if (what === null) {
      const flag = step === "charge" ? "--decline-amount" : "--decline-sku";
      return this.#skip(step, rule, `what is declined? (${flag})`);
    }
    const asked = this.#new(step, bodyOf(what));
    const first = await this.#player.settle(asked);
    const again = await this.#player.settle(asked);
    const same = first.result.kind === "declined" &&
      again.result.kind === "declined" &&
      first.result.reason === again.result.reason;
    const odd = first.result.kind === "declined" ? again : first;
    this.#judge(asked, rule, odd, same);
  }

  #money(amount_minor: string): object {
    return { amount_minor, currency: this.#goods.currency };
  }

  #new(step: ExternalStep, fields: object): Asked {
    const key = `check_${this.#run}_${++this.#keys}:${step}`;
    const body = JSON.stringify({ order_id: `check_${this.#run}`, ...fields });
    return { step, key, body };
  }

  #judge(
    { step }: Asked,
    rule: string,
    answer: Answer,
    held: boolean,
    asAdvised = true,
    detail = described(answer),
  ): void {
    const verdict = !held ? "FAIL" : asAdvised ? "ok" : "warn";
    const shown = verdict === "ok" ? "" : detail;
    this.rows.push({ step, rule, verdict, detail: shown });
  }

  #skip(step: ExternalStep, rule: string, detail: string): void {
    this.rows.push({ step, rule, verdict: "skip", detail });
  }
}

function isDone({ result }: Answer): boolean {
  return result.kind === "done";
}

function isGone({ result }: Answer): boolean {
  return result.kind === "done" && result.gone === true;
}

function idOf({ result }: Answer): string | undefined {
  return result.kind === "done" ? result.id : undefined;
}

/** A clear no to the request itself: neither done, nor declined, nor our guess. */
function isRefused({ result, exchanged }: Answer): boolean {
  const status = exchanged?.status ?? 0;
  return result.kind !== "done" && result.kind !== "declined" &&
    status >= 400 && status < 500;
}
