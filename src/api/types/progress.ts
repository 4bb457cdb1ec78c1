/** One line of the JSON streams of pull, import, load, push and build. */
export interface ProgressMessage {
  readonly stream?: string | undefined;
  readonly status?: string | undefined;
  readonly id?: string | undefined;
  /** A bar drawn by the server, for clients that can't draw one (before 1.53). */
  readonly progress?: string | undefined;
  readonly progressDetail?:
    | { readonly current?: number | undefined; readonly total?: number | undefined }
    | undefined;
  readonly error?: string | undefined;
  readonly errorDetail?: { readonly code?: number | undefined; readonly message: string } | undefined;
  readonly aux?: Readonly<Record<string, unknown>> | undefined;
}
