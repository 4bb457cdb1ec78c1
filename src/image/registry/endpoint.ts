/** PEM texts for TLS with one host. */
export interface TlsMaterial {
  /** Authorities besides the system's. */
  readonly ca?: readonly string[];
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
}

/** All that is asked of a repository. */
export type RepositoryAction = "pull" | "push";
