import type { WallMs } from "./time.ts";

/** A secret to create. */
export interface SecretSpec {
  /** 1 to 253 characters, none of them `=`, `/`, `,` or NUL. */
  readonly name: string;
  /** 1 to 511999 bytes. */
  readonly value: Uint8Array;
  /** Only "file". */
  readonly driver?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * One with this name may be there: it gets this value, and a new id. Containers that have it keep the former value.
   */
  readonly replace?: boolean | undefined;
}

/** Without its value. */
export interface SecretDetails {
  /** 25 hex digits; another value is another id. */
  readonly id: string;
  readonly name: string;
  readonly driver: "file";
  readonly createdAt: WallMs;
  /** When its value was replaced last. */
  readonly updatedAt: WallMs;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Values that containers get as files or variables, and that nothing shows but read(). A container has the value that
 * was there when it was made, for as long as it exists, also when the secret is replaced or removed. Failures:
 * not-found, conflict, invalid.
 */
export interface Secrets {
  /** "conflict" when there is one with this name, unless `replace` permits it. */
  create(spec: SecretSpec): Promise<SecretDetails>;
  /** By name. Filters: name (a part of it, or a regular expression), id (its beginning), label. */
  list(options?: {
    readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
  }): Promise<readonly SecretDetails[]>;
  /** By name, id, or the beginning of an id that only one has. */
  inspect(reference: string): Promise<SecretDetails>;
  /** Returns the value. Throws "not-found" with details.secret. */
  read(reference: string): Promise<Uint8Array>;
  /** Also of one that containers have; returns its id. */
  remove(reference: string): Promise<string>;
}

/** The settings of a secret in a container. */
export interface SecretUse {
  /** Name or id. */
  readonly secret: string;
  /** In what list and inspect give, and kept: which value that was when the container was made. */
  readonly id?: string | undefined;
  readonly kind: "file" | "variable";
  /** A file's path, absolute or below /run/secrets; the name of the variable. Absent: the secret's name. */
  readonly target?: string | undefined;
  /** Of the file, as the container sees them. Default 0, 0 and 0o444. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly mode?: number | undefined;
}
