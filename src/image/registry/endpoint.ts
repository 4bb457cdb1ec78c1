/** PEM texts for TLS with one host. */
export interface TlsMaterial {
  /** Authorities besides the system's. */
  readonly ca?: readonly string[];
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
}

/** What a user, or a helper program for him, knows of one registry. */
export type RegistryCredentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token. */
  | { readonly kind: "identity-token"; readonly token: string }
  /** Sent as it is. */
  | { readonly kind: "registry-token"; readonly token: string };

/** All that is asked of a repository. */
export type RepositoryAction = "pull" | "push";
