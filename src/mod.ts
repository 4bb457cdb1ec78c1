import { checkHost as check, type HostCheckOptions } from "./library/check-host.ts";
import { connectTo } from "./library/connected-engine.ts";
import { LibraryEngine } from "./library/library-engine.ts";
import { openEngine as open, type OpenOptions } from "./library/open-engine.ts";
import type { HostFinding } from "./model/host-check.ts";

export {
  Failure,
  type FailureDetails,
  type FailureOptions,
  type FailureKind,
  isFailure,
} from "./base/failure.ts";
export type * from "./model/builds.ts";
export type * from "./model/definition.ts";
export type * from "./model/storage-bench.ts";
export type * from "./model/denials.ts";
export type * from "./model/descriptors.ts";
export type * from "./model/engine.ts";
export type * from "./model/files.ts";
export type * from "./model/host-check.ts";
export type * from "./model/images.ts";
export type * from "./model/limits.ts";
export type * from "./model/logs.ts";
export type * from "./model/manifests.ts";
export type * from "./model/networks.ts";
export type * from "./model/secrets.ts";
export type * from "./model/cri.ts";
export type * from "./model/pods.ts";
export type * from "./model/statistics.ts";
export type * from "./model/commits.ts";
export type * from "./model/container-spec.ts";
export type * from "./model/container-state.ts";
export type * from "./model/containers.ts";
export type * from "./model/container-sizes.ts";
export type * from "./model/health.ts";
export type * from "./model/ids.ts";
export type * from "./model/pod-membership.ts";
export type * from "./model/prune.ts";
export type * from "./model/time.ts";
export type * from "./model/execs.ts";
export type * from "./model/mounts.ts";
export type * from "./model/streams.ts";
export type * from "./model/usage.ts";
export type * from "./model/volumes.ts";
export type * from "./model/devices.ts";
export type * from "./model/restarts.ts";
export type * from "./model/updates.ts";
export type { Undefinable } from "./base/defined.ts";
export type { LayerPhase, Progress } from "./base/progress.ts";
export type { Platform } from "./spec/platform.ts";
export type { BlobPolicy } from "./spec/registry/blob-policy.ts";
export type { RegistryCredentials } from "./spec/registry/registry-credentials.ts";
export type { Digest, DigestAlgorithm } from "./spec/digest.ts";
export type { AddressPool } from "./spec/address-pool.ts";
export type { RunDevice } from "./spec/cdi-name.ts";
export type { GarbageRules } from "./spec/garbage-rules.ts";
export type { IdMaps, IdRange } from "./spec/id-map.ts";
export type { IdPool } from "./spec/id-pool.ts";
export type { IpAddress, IpFamily, IpPrefix } from "./spec/ip-address.ts";
export type { RegistryOverrides } from "./spec/registry/registry-overrides.ts";
export type { IdmapOption } from "./spec/idmap-option.ts";
export type { ImageConfig, ImageDefaults, ImageHealthcheck, ImageHistoryEntry } from "./spec/image/config.ts";
export type { DecryptionKey } from "./spec/image/encryption-keys.ts";
export type { PublishPolicy } from "./spec/publish-policy.ts";
export type { TimeOffsets } from "./spec/time-offsets.ts";
export type { UserNamespaceMode } from "./spec/user-namespace-mode.ts";
export type { ExecResult, RunningContainer, RunOptions } from "./library/container-handle.ts";
export type { HostCheckOptions } from "./library/check-host.ts";
export type { BuildImageOptions } from "./library/build-image.ts";
export type { LibraryEngine } from "./library/library-engine.ts";
export type { OpenOptions } from "./library/open-engine.ts";

/**
 * Opens a container engine in this process, without a daemon. The caller disposes of it; its containers continue to
 * run. Throws "not-permitted" without root, "conflict" with details.holderPid while another engine uses the data root.
 *
 * @example
 * ```ts
 * import { openEngine } from "tare";
 *
 * await using engine = await openEngine();
 * await using container = await engine.run("hello");
 * console.log(await container.stdout());
 * ```
 */
export async function openEngine(options: OpenOptions = {}): Promise<LibraryEngine> {
  return new LibraryEngine(await open(options));
}

/**
 * Connects to the engine of a running daemon. The default of `host` is the variable TARE_HOST, then
 * `unix:///run/tare/tare.sock`; `tcp://HOST:PORT` is possible, too. Throws "unavailable" with details.host if no daemon
 * serves there. Failures of requests have the same details as those of openEngine().
 *
 * @example
 * ```ts
 * import { connectEngine } from "tare";
 *
 * await using engine = await connectEngine({ host: "unix:///run/tare/tare.sock" });
 * for (const { name, state } of await engine.containers.list({ all: true })) console.log(name, state.status);
 * ```
 */
export async function connectEngine(
  options: { readonly host?: string | undefined } = {},
): Promise<LibraryEngine> {
  const host = options.host ?? process.env["TARE_HOST"] ?? "unix:///run/tare/tare.sock";
  return new LibraryEngine(await connectTo(host));
}

/**
 * Checks whether this host has what Tare needs, as `tare doctor` does: kernel, cgroups, limits, firewall, disk, clock,
 * name servers, optional programs and the daemon. Needs neither an engine nor root; a finding says what only root can
 * see. Starts no daemon, changes nothing and loads no kernel module. An engine's own state is checked by
 * LibraryEngine.check().
 *
 * @example
 * ```ts
 * import { checkHost } from "tare";
 *
 * const findings = await checkHost();
 * for (const { group, check, found, fix } of findings.filter(({ status }) => status === "missing"))
 *   console.log(`${group}, ${check}: ${found}; ${fix.join(" && ")}`);
 * ```
 */
export async function checkHost(options: HostCheckOptions = {}): Promise<readonly HostFinding[]> {
  return await check(options);
}
