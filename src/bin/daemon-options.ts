import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import type { FlagTable } from "../cli/flags/flag.ts";
import { parseFlags } from "../cli/flags/parse.ts";
import { type BlobPolicy, parseBlobPolicy } from "../spec/registry/blob-policy.ts";
import { type GarbageRules, parseGarbageRules } from "../spec/garbage-rules.ts";
import { parseBridgeGsoMaxSize } from "../spec/gso-max-size.ts";
import { type IdPool, parseIdPool } from "../spec/id-pool.ts";
import { parsePublishPolicy, type PublishPolicy } from "../spec/publish-policy.ts";
import { type GlobalValues, globalFlags } from "../cli/global-flags.ts";

export interface DaemonOptions {
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly socketPath: string;
  readonly storageDriver?: string;
  readonly storageOptions?: readonly string[];
  readonly idPool?: IdPool;
  readonly garbageRules?: GarbageRules;
  readonly blobPolicy?: BlobPolicy;
  readonly publishPolicy?: PublishPolicy;
  readonly bridgeGsoMaxSize?: number;
  readonly bridgeBypass: boolean;
  readonly debug: boolean;
}

/** The flags of `tare daemon`, before or after the word. Environment variables that choose a daemon to talk to do not count here. */
export function parseDaemonOptions(argv: readonly string[]): DaemonOptions {
  const parsed = parseFlags(globalFlags as FlagTable, argv, { optionsEnd: "dashes" });
  const unexpected = parsed.positional.filter((word) => word !== "daemon");
  if (unexpected.length > 0)
    throw new Failure("invalid", `cannot start the daemon: unexpected argument "${unexpected[0]}"`);
  const values = parsed.values as unknown as GlobalValues;
  const runRoot = values["run-root"] ?? "/run/tare";
  const host = values.host ?? `unix://${join(runRoot, "tare.sock")}`;
  if (!host.startsWith("unix:///")) {
    throw new Failure(
      "invalid",
      `cannot serve at "${host}": the daemon listens on unix sockets only (unix:///path)`,
    );
  }
  const { "storage-driver": storageDriver, "storage-opt": storageOptions } = values;
  const { "userns-pool": pool, gc, "blob-policy": blobPolicy } = values;
  return {
    dataRoot: values["data-root"] ?? "/var/lib/tare",
    runRoot,
    socketPath: host.slice("unix://".length),
    ...(storageDriver === undefined ? {} : { storageDriver }),
    ...(storageOptions.length === 0 ? {} : { storageOptions }),
    ...(pool === undefined ? {} : { idPool: parseIdPool(pool) }),
    ...(blobPolicy === undefined ? {} : { blobPolicy: parseBlobPolicy(blobPolicy) }),
    ...(values["publish-policy"] === undefined
      ? {}
      : { publishPolicy: parsePublishPolicy(values["publish-policy"]) }),
    ...(values["bridge-gso-max-size"] === undefined
      ? {}
      : { bridgeGsoMaxSize: parseBridgeGsoMaxSize(values["bridge-gso-max-size"], "--bridge-gso-max-size") }),
    bridgeBypass: values["bridge-bypass"],
    ...(gc === undefined ? {} : { garbageRules: parseGarbageRules(gc) }),
    debug: values.debug,
  };
}
