import { Failure } from "../../../base/failure.ts";
import { fileSystem } from "../../builtin-modules.ts";
import { optionFailure, type TableOf } from "../../flags/flag.ts";
import { int, list, parseInteger } from "../../flags/kinds.ts";

export interface PreserveValues {
  readonly "preserve-fd": readonly string[];
  readonly "preserve-fds": number | undefined;
}

/** Of run and exec, as podman has them. */
export const preserveFlags: TableOf<PreserveValues> = {
  "preserve-fd": list(
    "Pass these file descriptors to the process, each with its number (5,7) (not in Docker)",
    {
      check: checkNumbers,
    },
  ),
  "preserve-fds": int(
    "Pass this number of additional file descriptors to the process, from 3 on (not in Docker)",
  ),
};

/** Numbers that a program may find descriptors at; the highest are the engine's until it runs. */
const highest = 511;

/** Descriptors that the caller gave us, by their numbers: looked for before anything of our own is open. */
export function findPreserved(values: PreserveValues): readonly number[] {
  const count = values["preserve-fds"] ?? 0;
  if (count < 0 || count > highest - 2)
    throw optionFailure(`--preserve-fds: must be from 0 to ${highest - 2}`);
  if (count === 0 && values["preserve-fd"].length === 0) return [];
  const named = values["preserve-fd"].flatMap((text) => text.split(",").map(parseInteger));
  const numbers = [...new Set([...Array.from({ length: count }, (_, i) => 3 + i), ...named])];
  for (const number of numbers) {
    if (isInherited(number)) continue;
    throw optionFailure(
      `file descriptor ${number} is not available: it must be open where tare is started, as by ${number}<FILE in a shell`,
    );
  }
  return numbers;
}

/** Those of the runtime's own, which is there before us, have the lowest numbers that were free. */
function isInherited(fd: number): boolean {
  try {
    return !/^anon_inode:\[(?:eventpoll|eventfd|timerfd|io_uring)\]$/.test(
      fileSystem().readlinkSync(`/proc/self/fd/${fd}`),
    );
  } catch {
    return false;
  }
}

function checkNumbers(text: string): string {
  for (const number of text.split(",").map(parseInteger)) {
    if (number < 3 || number > highest) throw new Failure("invalid", `must be from 3 to ${highest}`);
  }
  return text;
}
