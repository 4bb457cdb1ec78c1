/** Where repositories below a prefix are really found. SPEC: containers-registries.conf(5), version 2 */
export interface RegistryRule {
  /** `ghcr.io`, `docker.io/library`, `*.example.com`: what references begin with. */
  readonly prefix: string;
  /** The replacement of the prefix; with a wildcard prefix: as requested. */
  readonly location?: string | undefined;
  /** Allows plain HTTP and untrusted certificates. */
  readonly insecure: boolean;
  readonly blocked: boolean;
  /** Asked before the location, in this order. */
  readonly mirrors: readonly RegistryMirror[];
}

export interface RegistryMirror {
  readonly location: string;
  readonly insecure: boolean;
  readonly pulls: "all" | "digest-only" | "tag-only";
}

export interface RegistriesConfig {
  readonly rules: readonly RegistryRule[];
  /** Names without a registry (`app`, `acme/app`) → whole names without a tag. */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  /** Where names without a registry are looked for, in this order; absent: where Docker does. */
  readonly searched?: readonly string[] | undefined;
}

export const noRegistriesConfig: RegistriesConfig = { rules: [] };
