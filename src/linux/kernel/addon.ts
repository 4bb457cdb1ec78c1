import { createRequire } from "node:module";
import { Failure } from "../../base/failure.ts";
import { findNativeFile } from "./native-file.ts";

/** One argument of a raw system call; text is passed NUL-terminated, bytes by address, null as 0. */
export type Argument = number | bigint | string | Uint8Array | null;

export interface Addon {
  /** The result, or −errno. */
  call(number: number, ...args: Argument[]): number;
  callAsync(number: number, ...args: Argument[]): Promise<number>;
  /** Where the bytes lie; valid as long as the array is reachable and not resized. */
  addressOf(bytes: Uint8Array): bigint;
}

let loaded: Addon | undefined;
let chosenPath: string | undefined;

/** Names the addon's file before its first use; the executable embeds it and calls this. */
export function useAddon(path: string): void {
  chosenPath = path;
}

/** The native addon, loaded at first use. Throws "unavailable" naming every place looked at. */
export function addon(): Addon {
  loaded ??= load();
  return loaded;
}

/** Where it is, for a thread that has to load it again. */
export function addonPath(): string {
  return chosenPath ?? findNativeFile("syscall.node");
}

function load(): Addon {
  const file = addonPath();
  try {
    const loaded: Addon = createRequire(import.meta.url)(file);
    return loaded;
  } catch (cause) {
    throw new Failure("unavailable", `cannot load the native addon "${file}": ${String(cause)}`, { cause });
  }
}
