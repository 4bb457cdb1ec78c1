import { statSync } from "node:fs";
import { boottimeMs, isClockSynchronized } from "../../linux/kernel/clock.ts";
import { listMounts } from "../../linux/mount/mountinfo.ts";
import type { ClockFacts } from "./facts.ts";
import { findText } from "./read-text.ts";

export function readClock(dataRoot: string): ClockFacts {
  const nowMs = Date.now();
  const records = ["state.db", "state.db-wal"].flatMap((name) => findChangeMs(`${dataRoot}/${name}`) ?? []);
  return {
    nowMs,
    isSynchronized: orUndefined(isClockSynchronized),
    setByMs: findSetByMs(nowMs),
    newestRecordMs: records.length === 0 ? undefined : Math.max(...records),
    source: findText("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
  };
}

/** The kernel makes the nodes of devtmpfs when it boots: their times are what the clock was then. */
function findSetByMs(nowMs: number): number | undefined {
  const isOfBoot = listMounts().findLast(({ target }) => target === "/dev")?.type === "devtmpfs";
  const madeMs = isOfBoot ? findChangeMs("/dev/full") : undefined;
  const sinceBootMs = orUndefined(boottimeMs);
  return madeMs === undefined || sinceBootMs === undefined ? undefined : nowMs - sinceBootMs - madeMs;
}

function findChangeMs(path: string): number | undefined {
  return orUndefined(() => statSync(path).mtimeMs);
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
