import { optionFailure } from "../../flags/flag.ts";
import type { ContainerValues } from "../flags/values.ts";

/** `--os`, `--arch` and `--variant` are other words for `--platform`. */
export function platformOf(
  values: Pick<ContainerValues, "platform" | "os" | "arch" | "variant">,
  own: string,
): string {
  const { platform, os, arch, variant } = values;
  if (os === "" && arch === "" && variant === "") return platform;
  if (platform !== "") throw optionFailure("--platform goes with no --os, --arch and --variant");
  return [os || "linux", arch || own, ...(variant === "" ? [] : [variant])].join("/");
}
