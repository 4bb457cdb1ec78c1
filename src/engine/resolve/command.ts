import type { ImageDefaults } from "../../spec/image/config.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { refuse } from "./refusal.ts";

/**
 * The program and its arguments. A given entrypoint takes the image's command away, too; an empty one leaves it;
 * `[""]` (the empty `--entrypoint`) takes both away. Throws "invalid" when nothing is left.
 */
export function resolveCommand(
  { process: asked = {} }: Pick<ContainerSpec, "process">,
  image: Pick<ImageDefaults, "entrypoint" | "cmd">,
): readonly string[] {
  const ownEntrypoint = asked.entrypoint ?? [];
  const ownCommand = asked.command ?? [];
  const takesImageCommand = ownEntrypoint.length === 0 && ownCommand.length === 0;
  const entrypoint = asked.entrypoint ?? image.entrypoint ?? [];
  const isReset = entrypoint.length === 1 && entrypoint[0] === "";
  const args = [...(isReset ? [] : entrypoint), ...(takesImageCommand ? (image.cmd ?? []) : ownCommand)];
  if (args.length === 0) throw refuse("no command specified");
  for (const argument of args) {
    if (argument.includes("\0")) throw refuse("the command has a NUL byte");
  }
  return args;
}
