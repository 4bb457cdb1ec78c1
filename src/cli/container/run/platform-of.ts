import { optionFailure } from "../../flags/flag.ts";
import type { ContainerValues } from "../flags/container-flags.ts";

/** `--os`, `--arch` and `--variant` are other words for `--platform`. */
export function platformOf(
  values: Pick<ContainerValues, "platform" | "os" | "arch" | "variant">,
  own: string,
): string {
  const { platform, os, arch, variant } = values;
  if (os === "" && arch === "" && variant === "") return platform;
  if (platform !== "") throw optionFailure("--platform cannot be used with --os, --arch or --variant");
  return [os || "linux", arch || own, ...(variant === "" ? [] : [variant])].join("/");
}
