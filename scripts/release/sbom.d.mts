export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly integrity: string;
}

export interface Lock {
  readonly packages: Readonly<Record<string, object>>;
}

export function listBundled(lock: Lock): readonly BundledPackage[];

export function listInExecutable(lock: Lock): readonly BundledPackage[];

export function createSbom(release: {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly lock: Lock;
  readonly files: readonly {
    readonly name: string;
    readonly sha256: string;
    readonly contains: "executable" | "library";
  }[];
  readonly runtimes: readonly { readonly name: string; readonly version: string }[];
  readonly seconds: number;
}): object;
