export interface FullRun {
  readonly results: readonly {
    readonly path: string;
    readonly pattern?: string;
    readonly passed: number;
    readonly failed: number;
    readonly skipped: number;
    readonly seconds: number;
  }[];
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly flaky: readonly string[];
  readonly seconds: number;
}

export function writeFullRun(run: FullRun): void;

export function formatFullRun(
  run: FullRun,
  at: { readonly date: string; readonly commit: string; readonly kernel: string },
): string;
