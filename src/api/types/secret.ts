/** `GET /tare/secrets/{name}/json`, as podman shows a secret. */
export interface Secret {
  readonly ID: string;
  readonly CreatedAt: string;
  /** When its value was replaced last. */
  readonly UpdatedAt: string;
  readonly Spec: {
    readonly Name: string;
    readonly Driver: { readonly Name: string; readonly Options: Readonly<Record<string, string>> };
    readonly Labels: Readonly<Record<string, string>>;
  };
  /** Base64; only where it was asked for. */
  readonly Data?: string | undefined;
}

/** The body of `POST /tare/secrets/create`. */
export interface SecretCreateRequest {
  readonly Name: string;
  /** Only "file". */
  readonly Driver?: string | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
  /** Base64. */
  readonly Data: string;
  /** One with this name may be there: it gets this value. */
  readonly Replace?: boolean | undefined;
}

/** One of `HostConfig.Tare.Secrets`. */
export interface SecretReference {
  /** Name or id. */
  readonly Source?: string | undefined;
  /** `mount` or `env`. */
  readonly Type?: string | undefined;
  /** Path, absolute or below /run/secrets; the name of the variable. */
  readonly Target?: string | undefined;
  readonly UID?: number | undefined;
  readonly GID?: number | undefined;
  /** Octal: `0444`. */
  readonly Mode?: string | undefined;
}
