import type { WallMs } from "./time.ts";

/** Where a container is in its life. */
export type ContainerState =
  | { readonly status: "created" }
  | {
      readonly status: "running" | "paused";
      readonly pid: number;
      readonly startedAt: WallMs;
      /** So many of its processes were killed for want of memory, as far as was noticed. Absent: none. */
      readonly oomKills?: number | undefined;
    }
  | {
      readonly status: "exited";
      /** 0–255; 128 + n for a signal; 125/126/127 when it never ran. */
      readonly code: number;
      readonly oomKilled: boolean;
      /** Absent when it never ran. */
      readonly startedAt?: WallMs | undefined;
      readonly finishedAt: WallMs;
      /** Why it could not start or was lost. */
      readonly error?: string | undefined;
    }
  | {
      /** It ended, and its policy will start it again. */
      readonly status: "restarting";
      readonly code: number;
      readonly oomKilled: boolean;
      readonly startedAt?: WallMs | undefined;
      readonly finishedAt: WallMs;
      readonly error?: string | undefined;
    }
  | { readonly status: "removing" }
  | { readonly status: "dead"; readonly error: string };

/** How a container's process ended; `code` as a shell gives it: 128 + the signal's number for a signal. */
export interface ExitStatus {
  readonly code: number;
  readonly oomKilled: boolean;
  readonly error?: string | undefined;
}

/** Where the time of a start went, in milliseconds; `total` is from the request to the program's first instruction. */
export interface StartTiming {
  readonly totalMs: number;
  readonly phases: readonly { readonly name: string; readonly ms: number }[];
}
