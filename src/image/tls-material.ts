/** PEM texts for TLS with one host. */
export interface TlsMaterial {
  /** Authorities besides the system's. */
  readonly ca?: readonly string[] | undefined;
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined;
}
