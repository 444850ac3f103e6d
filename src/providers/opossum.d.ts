/** The part of npm:opossum 10 that breaker.ts calls; the package carries no types. */
export interface BreakerOptions {
  readonly name?: string;
  /** False: the action limits itself. */
  readonly timeout?: number | false;
  readonly resetTimeout?: number;
  readonly errorThresholdPercentage?: number;
  readonly volumeThreshold?: number;
  readonly rollingCountTimeout?: number;
  readonly rollingPercentilesEnabled?: boolean;
  readonly enableSnapshots?: boolean;
  readonly errorFilter?: (error: unknown) => boolean;
}

export default class CircuitBreaker<A extends readonly unknown[], R> {
  constructor(action: (...args: A) => Promise<R>, options: BreakerOptions);
  readonly halfOpen: boolean;
  static isOurError(error: unknown): boolean;
  fire(...args: A): Promise<R>;
  on(event: "open" | "close" | "halfOpen", listener: () => void): this;
  shutdown(): void;
}
