import { Failure } from "../base/failure.ts";

/** The platform of an image's programs, in Go's names: `linux`, `arm64`, `v8`. Normalized. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

const architectures: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  x64: ["amd64"],
  i386: ["386"],
  i486: ["386"],
  i586: ["386"],
  i686: ["386"],
  ia32: ["386"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  ppc64el: ["ppc64le"],
};

/**
 * Normalizes the spellings of other tools: `x86_64` is amd64, `armhf` is arm/v7, plain `arm` is v7; it drops variants
 * that are the default (`amd64/v1`, `arm64/v8`).
 */
export function normalizePlatform(os: string, architecture: string, variant = ""): Platform {
  const given = architecture.toLowerCase();
  const [name, implied] = (Object.hasOwn(architectures, given) ? architectures[given] : undefined) ?? [given];
  let level = variant.toLowerCase() || implied || "";
  if (/^[0-9]+$/.test(level)) level = `v${level}`;
  if (name === "arm" && level === "") level = "v7";
  if ((name === "arm64" && level === "v8") || (name === "amd64" && level === "v1")) level = "";
  const system = os.toLowerCase() === "macos" ? "darwin" : os.toLowerCase();
  return Object.freeze({ os: system, architecture: name, variant: level || undefined });
}

const component = /^[A-Za-z0-9_-]+$/;
const osComponent = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$/;
const knownSystems: ReadonlySet<string> = new Set(
  "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos".split(
    " ",
  ),
);
const knownArchitectures: ReadonlySet<string> = new Set(
  (
    "386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64 " +
    "ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm"
  ).split(" "),
);

/**
 * Reads `linux/arm/v7`, `linux/amd64`, `arm64` or `linux` (the rest then comes from `host`); the version in
 * `windows(10.0)` is left out. Throws "invalid" in the words of containerd, which Docker's clients show.
 */
export function parsePlatform(text: string, host: Platform = hostPlatform()): Platform {
  const specifier = JSON.stringify(text.slice(0, 100));
  if (text.includes("*")) throw refused(`${specifier}: wildcards not yet supported`);
  const [first = "", ...others] = text.split("/");
  const system = osComponent.exec(first)?.[1];
  const goText = (pattern: RegExp): string => JSON.stringify(pattern.source);
  if (system === undefined) {
    const shown = JSON.stringify(first.slice(0, 100));
    throw refused(
      `${shown} is an invalid OS component of ${specifier}: OSAndVersion specifier component must match ${goText(osComponent)}`,
    );
  }
  const wrong = others.find((part) => !component.test(part));
  if (wrong !== undefined) {
    const shown = JSON.stringify(wrong.slice(0, 100));
    throw refused(
      `${shown} is an invalid component of ${specifier}: platform specifier component must match ${goText(component)}`,
    );
  }
  const [second, third] = others;
  if (others.length > 2) throw refused(`${specifier}: cannot parse platform specifier`);
  if (second !== undefined) return normalizePlatform(system, second, third);
  const { os } = normalizePlatform(system, host.architecture);
  if (knownSystems.has(os)) return normalizePlatform(os, host.architecture, host.variant);
  const alone = normalizePlatform(host.os, first);
  if (!knownArchitectures.has(alone.architecture)) {
    throw refused(`${specifier}: unknown operating system or architecture`);
  }
  return alone;
}

function refused(message: string): Failure {
  return new Failure("invalid", `${message}: invalid argument`);
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** The machine that this runs on. */
export function hostPlatform(): Platform {
  return normalizePlatform("linux", process.arch);
}

/**
 * How well programs for `platform` run on `host`: 0 exactly, more for less fitting, undefined not at all.
 * A 64-bit host also runs the 32-bit programs of its family and the lower variants, as containerd has it.
 */
export function rankPlatform(platform: Platform, host: Platform): number | undefined {
  const wanted = formatPlatform(platform);
  const rank = platformsOf(host).indexOf(wanted);
  return rank < 0 ? undefined : rank;
}

/** The best of the candidates for `host`, the first among equals; undefined when none can run there. */
export function choosePlatform<T>(
  candidates: readonly T[],
  { host, platformOf }: { readonly host: Platform; readonly platformOf: (candidate: T) => Platform },
): T | undefined {
  let best: { readonly candidate: T; readonly rank: number } | undefined;
  for (const candidate of candidates) {
    const rank = rankPlatform(platformOf(candidate), host);
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { candidate, rank };
  }
  return best?.candidate;
}

function platformsOf(host: Platform): readonly string[] {
  const { os, architecture, variant } = host;
  const level = Number(variant?.slice(1) ?? "");
  switch (architecture) {
    case "amd64":
      return [...levels(`${os}/amd64`, { from: level, to: 2 }), `${os}/amd64`, `${os}/386`];
    case "arm64":
      return [
        ...(variant === undefined ? [] : [`${os}/arm64/${variant}`]),
        `${os}/arm64`,
        ...levels(`${os}/arm`, { from: 8, to: 5 }),
      ];
    case "arm":
      return levels(`${os}/arm`, { from: level || 7, to: 5 });
    default:
      return [formatPlatform(host)];
  }
}

function levels(prefix: string, { from, to }: { readonly from: number; readonly to: number }): string[] {
  return Array.from({ length: Math.max(0, from - to + 1) }, (_, index) => `${prefix}/v${from - index}`);
}
