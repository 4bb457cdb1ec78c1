export interface TestFailure {
  /** As bun names it; empty when no file was begun. */
  readonly file: string;
  readonly name: string;
  /** What was printed after the test before it, shortened and without control characters. */
  readonly lines: readonly string[];
}

export function readFailures(output: string, status: number | null): TestFailure[];
export function formatFailures(failures: readonly TestFailure[]): string;
export function nameFailure(failure: Pick<TestFailure, "file" | "name">): string;
