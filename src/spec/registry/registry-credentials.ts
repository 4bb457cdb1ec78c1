/** A user's credentials for one registry, entered or from a helper program. */
export type RegistryCredentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token. */
  | { readonly kind: "identity-token"; readonly token: string }
  /** Sent as it is. */
  | { readonly kind: "registry-token"; readonly token: string };
