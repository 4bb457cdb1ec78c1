/** One line of the JSON streams of pull, import, load, push and build. */
export interface ProgressMessage {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  /** A bar drawn by the server, for clients that can't draw one (before 1.53). */
  readonly progress?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message: string };
  readonly aux?: Readonly<Record<string, unknown>>;
}
