import { formatPlatform, type Platform } from "../../spec/platform.ts";
import type { ArgInstruction, EscapeToken } from "./dockerfile-types.ts";
import { expandWord } from "./expand-words.ts";
import { locate } from "./parse-failure.ts";

/** Build arguments that need no ARG; they are not recorded in the image's history. */
export const proxyArgs: readonly string[] = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "FTP_PROXY",
  "NO_PROXY",
  "ALL_PROXY",
].flatMap((name) => [name, name.toLowerCase()]);

/** Arguments of the builder itself: an ARG that names one does not set a variable. */
export const builderArgs: ReadonlySet<string> = new Set([
  "BUILDKIT_SBOM_SCAN_CONTEXT",
  "BUILDKIT_SBOM_SCAN_STAGE",
]);

interface PlatformArgOptions {
  readonly build: Platform;
  readonly target: Platform;
  /** Name of the target stage; "default" without one. */
  readonly targetStage?: string | undefined;
  /** Values of --build-arg, which replace the predefined ones. */
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
}

/** The predefined arguments of the global scope: BUILDPLATFORM, TARGETARCH and so on. */
export function platformArgs(options: PlatformArgOptions): ReadonlyMap<string, string> {
  const { build, target, targetStage, buildArgs = {} } = options;
  const values: readonly (readonly [string, string])[] = [
    ["BUILDPLATFORM", formatPlatform(build)],
    ["BUILDOS", build.os],
    ["BUILDOSVERSION", ""],
    ["BUILDARCH", build.architecture],
    ["BUILDVARIANT", build.variant ?? ""],
    ["TARGETPLATFORM", formatPlatform(target)],
    ["TARGETOS", target.os],
    ["TARGETOSVERSION", ""],
    ["TARGETARCH", target.architecture],
    ["TARGETVARIANT", target.variant ?? ""],
    ["TARGETSTAGE", targetStage === undefined || targetStage === "" ? "default" : targetStage],
  ];
  return new Map(values.map(([name, value]) => [name, valueOf(buildArgs, name) ?? value]));
}

/**
 * Arguments of the global scope after the ARG instructions in front of the first FROM. Values of --build-arg win over
 * defaults. Throws Failure("invalid") with the line.
 */
export function evaluateGlobalArgs(
  instructions: readonly ArgInstruction[],
  predefined: ReadonlyMap<string, string>,
  {
    buildArgs = {},
    escape,
  }: { readonly buildArgs?: Readonly<Record<string, string>>; readonly escape: EscapeToken },
): ReadonlyMap<string, string> {
  const values = new Map(predefined);
  for (const { args, location } of instructions) {
    for (const { name, value } of args) {
      const given = valueOf(buildArgs, name);
      try {
        const result =
          given ??
          (value === undefined
            ? undefined
            : expandWord(value, { lookup: (other) => values.get(other), escape }).text);
        if (result !== undefined) values.set(name, result);
      } catch (thrown) {
        throw locate(thrown, location);
      }
    }
  }
  return values;
}

function valueOf(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
