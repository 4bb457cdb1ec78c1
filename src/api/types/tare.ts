import type { StoreKind } from "../../model/usage.ts";
import type { PortProtocol } from "../../spec/port-range.ts";

/** One row of `GET /tare/namespaces`; the host's is the first, with an empty id. */
export interface NamespacesRow {
  readonly Id: string;
  readonly Name: string;
  readonly Pid: number;
  /** Type (`mnt`, `pid` …) → inode and its users: containers' names, or `host`. */
  readonly Namespaces: Readonly<
    Record<string, { readonly Inode: number; readonly SharedWith: readonly string[] }>
  >;
}

/** One row of `GET /tare/check`. */
export interface CheckFinding {
  readonly Subject: string;
  readonly Problem: string;
  readonly Advice: string;
}

/** One line of `tare doctor --format json`. */
export interface HostFinding {
  /** kernel, cgroup, limits, firewall, disk, clock, resolver, programs or daemon. */
  readonly Group: string;
  /** Unique in its group. */
  readonly Check: string;
  /** ok, info, warning or missing. */
  readonly Status: string;
  readonly Found: string;
  /** The features that do not work; empty: none. */
  readonly Affects: string;
  /** Commands, in their order. */
  readonly Fix: readonly string[];
}

/** `GET /tare/build`. */
export interface TareBuild {
  readonly Version: string;
  readonly BuildId: string;
  readonly Pid: number;
  readonly DataRoot: string;
  readonly RunRoot: string;
}

/** `GET /tare/reach`: from where published ports can be reached; an entry each run of them. */
export interface ReachRow {
  readonly Container: string;
  readonly Network: string;
  readonly Type: PortProtocol;
  /** Empty: all of the host's addresses. */
  readonly HostIp: string;
  readonly HostPort: number;
  readonly ContainerPort: number;
  readonly Count: number;
  readonly Interfaces: readonly string[];
  readonly BlockedBy: readonly string[];
  /** Ports that a program of the host has bound as well. */
  readonly Conflicts: readonly number[];
  /** The text in at most a few words: `from anywhere`, `from 3 networks`. */
  readonly Summary: string;
  readonly Text: string;
}

/** `GET /tare/usage`: the data root on the disk; the sizes of the kinds together are the total. */
export interface StoreUsage {
  /** keep, rebuild or refetch. */
  readonly Policy: string;
  readonly TotalSize: number;
  readonly Kinds: readonly { readonly Kind: StoreKind; readonly Count: number; readonly Size: number }[];
  /** Blobs that are not on the disk, by how they can be had again. */
  readonly Rebuildable: { readonly Count: number; readonly Size: number };
  readonly Refetchable: { readonly Count: number; readonly Size: number };
}

/** The body of `POST /tare/descriptors`: the numbers that the caller's descriptors are to have in a program. */
export interface DescriptorRequest {
  readonly Targets?: readonly number[] | undefined;
}

/**
 * Where they are sent, once: a packet of the token with them (SCM_RIGHTS). Then the token is a start's or an exec's
 * `descriptors`.
 */
export interface DescriptorOffer {
  readonly Socket: string;
  readonly Token: string;
}
