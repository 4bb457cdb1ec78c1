import { Failure } from "../base/failure.ts";

/** Names become parts of paths. Throws Failure("invalid"). */
export function parsePluginName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name)) return name;
  throw new Failure("invalid", `invalid authorization plugin "${name.slice(0, 100)}": want its name`);
}
