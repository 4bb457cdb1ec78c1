/** One row of `GET /tare/namespaces`; the host's is the first, with an empty id. */
export interface NamespacesRow {
  readonly Id: string;
  readonly Name: string;
  readonly Pid: number;
  /** Type (`mnt`, `pid` …) → inode and with whom it is shared: containers' names, or `host`. */
  readonly Namespaces: Readonly<
    Record<string, { readonly Inode: number; readonly SharedWith: readonly string[] }>
  >;
}

/** One row of `GET /tare/check`. */
export interface CheckFinding {
  readonly Subject: string;
  readonly Problem: string;
  readonly Advice: string;
}

/** `GET /tare/build`. */
export interface TareBuild {
  readonly Version: string;
  readonly BuildId: string;
  readonly Pid: number;
  readonly DataRoot: string;
  readonly RunRoot: string;
}
