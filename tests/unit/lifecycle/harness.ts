/** A lifecycle on a fake clock with fake signals, and what it logged. */
import {
  createLifecycle,
  type Lifecycle,
  type LifecycleOptions,
  type LogFields,
  type Phase,
} from "@oms/lifecycle";
import { FakeClock, FakeSignals } from "@oms/lifecycle/testing";

export interface Line {
  readonly level: string;
  readonly msg: string;
  readonly fields: LogFields;
}

export interface Harness {
  readonly clock: FakeClock;
  readonly signals: FakeSignals;
  readonly lifecycle: Lifecycle;
  readonly lines: Line[];
  readonly states: string[];
  readonly exits: number[];
  messages(): string[];
}

export function harness(options: Partial<LifecycleOptions> = {}): Harness {
  const clock = new FakeClock();
  const signals = new FakeSignals(clock);
  const lines: Line[] = [];
  const exits: number[] = [];
  const lifecycle = createLifecycle({
    clock,
    signals,
    log: (level, msg, fields = {}) => void lines.push({ level, msg, fields }),
    exit: (code) => void exits.push(code),
    ...options,
  });
  const states: string[] = [lifecycle.state];
  lifecycle.onState((state) => void states.push(state));
  return {
    clock,
    signals,
    lifecycle,
    lines,
    states,
    exits,
    messages: () => lines.map((line) => line.msg),
  };
}

export const never = (): Promise<never> => new Promise<never>(() => {});

export function phase(name: string, fields: Partial<Phase> = {}): Phase {
  return {
    name,
    message: `${name} ended`,
    budgetMs: 1000,
    run: () => {},
    ...fields,
  };
}
