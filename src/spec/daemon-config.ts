import { Failure } from "../base/failure.ts";
import { isRecord } from "../base/is-record.ts";
import { isKeyOf, keysOf } from "../base/keys.ts";
import { findJsonMistake } from "./json-mistake.ts";

/** The form of a key's value. Each converts to the words of the flag with the same meaning. */
type ValueForm =
  | "text"
  | "boolean"
  | "integer"
  | "size"
  | "texts"
  | "options"
  | "switches"
  | "ulimits"
  | "pools"
  | "proxies";

interface DaemonKey {
  /** Long name of the flag of `tare daemon`. */
  readonly flag: string;
  readonly form: ValueForm;
}

/** The keys of daemon.json that have an effect: dockerd's, and those of Tare's own flags. */
export const daemonKeys: Readonly<Record<string, DaemonKey>> = {
  "allow-unauthenticated-tcp": { flag: "allow-unauthenticated-tcp", form: "boolean" },
  "authorization-plugins": { flag: "authorization-plugin", form: "texts" },
  "blob-policy": { flag: "blob-policy", form: "text" },
  "bridge-bypass": { flag: "bridge-bypass", form: "boolean" },
  "bridge-gso-max-size": { flag: "bridge-gso-max-size", form: "size" },
  "cdi-spec-dirs": { flag: "cdi-spec-dir", form: "texts" },
  "cni-bin-dirs": { flag: "cni-bin-dir", form: "texts" },
  "cni-conf-dir": { flag: "cni-conf-dir", form: "text" },
  cri: { flag: "cri", form: "text" },
  "data-root": { flag: "data-root", form: "text" },
  debug: { flag: "debug", form: "boolean" },
  "default-address-pools": { flag: "default-address-pool", form: "pools" },
  "default-cgroupns-mode": { flag: "default-cgroupns-mode", form: "text" },
  "default-ipc-mode": { flag: "default-ipc-mode", form: "text" },
  "default-shm-size": { flag: "default-shm-size", form: "size" },
  "default-ulimits": { flag: "default-ulimit", form: "ulimits" },
  dns: { flag: "dns", form: "texts" },
  "dns-opts": { flag: "dns-opt", form: "texts" },
  "dns-search": { flag: "dns-search", form: "texts" },
  "exec-root": { flag: "run-root", form: "text" },
  features: { flag: "feature", form: "switches" },
  gc: { flag: "gc", form: "text" },
  group: { flag: "socket-group", form: "text" },
  hosts: { flag: "host", form: "texts" },
  init: { flag: "init", form: "boolean" },
  "insecure-registries": { flag: "insecure-registry", form: "texts" },
  labels: { flag: "label", form: "texts" },
  "live-restore": { flag: "live-restore", form: "boolean" },
  "log-driver": { flag: "log-driver", form: "text" },
  "log-format": { flag: "log-format", form: "text" },
  "log-level": { flag: "log-level", form: "text" },
  "log-opts": { flag: "log-opt", form: "options" },
  "max-concurrent-downloads": { flag: "max-concurrent-downloads", form: "integer" },
  "max-concurrent-uploads": { flag: "max-concurrent-uploads", form: "integer" },
  "metrics-addr": { flag: "metrics-addr", form: "text" },
  "no-new-privileges": { flag: "no-new-privileges", form: "boolean" },
  pidfile: { flag: "pidfile", form: "text" },
  proxies: { flag: "", form: "proxies" },
  "publish-policy": { flag: "publish-policy", form: "text" },
  "registry-mirrors": { flag: "registry-mirror", form: "texts" },
  "shutdown-timeout": { flag: "shutdown-timeout", form: "integer" },
  "socket-mode": { flag: "socket-mode", form: "text" },
  "storage-driver": { flag: "storage-driver", form: "text" },
  "storage-opts": { flag: "storage-opt", form: "texts" },
  tls: { flag: "tls", form: "boolean" },
  tlscacert: { flag: "tlscacert", form: "text" },
  tlscert: { flag: "tlscert", form: "text" },
  tlskey: { flag: "tlskey", form: "text" },
  tlsverify: { flag: "tlsverify", form: "boolean" },
  "userland-proxy": { flag: "userland-proxy", form: "boolean" },
  "userns-pool": { flag: "userns-pool", form: "text" },
};

interface RefusedKey {
  /** Values that ask for what Tare does anyway. */
  readonly harmless?: readonly unknown[];
  readonly why: string;
}

const noRuntime = "Tare runs containers itself";
const noSwarm = "Tare has no swarm mode";
const ownBridge = "the default bridge has no settings of this kind; create a network with that option";
const ownFirewall = "Tare always writes its own firewall table";
const ownImages = "Tare stores images itself";

/** dockerd's keys that cannot mean the same here, unless they have a harmless value. */
const refusedKeys: Readonly<Record<string, RefusedKey>> = {
  "allow-direct-routing": { harmless: [false], why: ownFirewall },
  "api-cors-header": { harmless: [""], why: "a web page must not be able to use the daemon" },
  bip: { harmless: [""], why: ownBridge },
  bip6: { harmless: [""], why: ownBridge },
  bridge: { harmless: [""], why: ownBridge },
  "bridge-accept-fwmark": { harmless: [""], why: ownFirewall },
  builder: { why: "the build cache has no settings of this kind" },
  "cgroup-parent": {
    harmless: [""],
    why: "the cgroup follows from the data root; give containers --cgroup-parent",
  },
  containerd: { harmless: [""], why: "Tare does not use containerd" },
  "containerd-namespace": { why: "Tare does not use containerd" },
  "containerd-plugin-namespace": { why: "Tare does not use containerd" },
  "cpu-rt-period": { harmless: [0], why: "give containers --cpu-rt-period" },
  "cpu-rt-runtime": { harmless: [0], why: "give containers --cpu-rt-runtime" },
  "default-gateway": { harmless: [""], why: ownBridge },
  "default-gateway-v6": { harmless: [""], why: ownBridge },
  "default-network-opts": { harmless: [{}], why: "give networks their options" },
  "default-runtime": { harmless: ["tare"], why: noRuntime },
  "exec-opts": {
    harmless: [[], ["native.cgroupdriver=cgroupfs"]],
    why: "the cgroup driver is cgroupfs",
  },
  experimental: { harmless: [true, false], why: "" },
  "firewall-backend": { harmless: ["", "nftables"], why: ownFirewall },
  "fixed-cidr": { harmless: [""], why: ownBridge },
  "fixed-cidr-v6": { harmless: [""], why: ownBridge },
  "host-gateway-ip": { harmless: [""], why: "the gateway follows from the networks of a container" },
  "host-gateway-ips": { harmless: [[]], why: "the gateway follows from the networks of a container" },
  icc: { harmless: [true], why: ownBridge },
  "init-path": { harmless: [""], why: "the keeper is the init process" },
  ip: { harmless: ["", "0.0.0.0"], why: "publish ports with their address" },
  "ip-forward": { harmless: [true], why: "networks need forwarding" },
  "ip-forward-no-drop": { why: ownFirewall },
  "ip-masq": { harmless: [true], why: ownBridge },
  ip6tables: { harmless: [true], why: ownFirewall },
  iptables: { harmless: [true], why: ownFirewall },
  ipv6: { harmless: [false], why: ownBridge },
  "max-download-attempts": { why: "downloads are resumed until no more data arrives" },
  mtu: { harmless: [0, 1500], why: ownBridge },
  "node-generic-resources": { harmless: [[]], why: noSwarm },
  "oom-score-adjust": { harmless: [0], why: "the service manager sets it for the daemon" },
  "raw-logs": { harmless: [true, false], why: "" },
  runtimes: { harmless: [{}], why: noRuntime },
  "seccomp-profile": {
    harmless: ["", "builtin"],
    why: "give containers --security-opt seccomp=FILE",
  },
  "selinux-enabled": { harmless: [false], why: "Tare sets no SELinux labels" },
  "swarm-default-advertise-addr": { harmless: [""], why: noSwarm },
  "userland-proxy-path": { harmless: [""], why: "there is no proxy program: the daemon relays ports itself" },
  "userns-remap": {
    harmless: [""],
    why: "give containers --userns private; --userns-pool sets the host's ids",
  },
  "validate-only": { harmless: [false], why: "give the flag --validate" },
};

const refusedFeatures: Readonly<Record<string, string>> = {
  "containerd-snapshotter": ownImages,
  "windows-dns-proxy": "Tare runs on Linux",
  "time-namespaces": "give containers --time-offset",
};

/** The words of one flag, as on a command line, and the key that they come from. */
export interface DaemonFileFlag {
  readonly key: string;
  readonly flag: string;
  readonly words: readonly string[];
}

/**
 * Reads daemon.json: the flags that its keys stand for. Throws Failure("invalid"), which names the file, for malformed
 * JSON (with line and column), unknown keys (in dockerd's words), wrong types and keys that Tare must refuse.
 */
export function parseDaemonConfig(text: string, path: string): readonly DaemonFileFlag[] {
  const value = text.trim() === "" ? {} : parse(text, path);
  if (!isRecord(value)) throw refused(path, "it is no JSON object");
  const unknown = Object.keys(value).filter((key) => !isKeyOf(daemonKeys, key) && !isKeyOf(refusedKeys, key));
  if (unknown.length > 0)
    throw refused(
      path,
      `the following directives don't match any configuration option: ${unknown.join(", ")}`,
    );
  for (const key of keysOf(refusedKeys)) checkRefused(key, value[key], path);
  return Object.entries(value).flatMap(([key, given]) => {
    const known = daemonKeys[key];
    return known === undefined || given === null ? [] : flagsOf(key, known, { given, path });
  });
}

/** A failure of the whole file, in dockerd's words. */
export function refused(path: string, why: string): Failure {
  return new Failure("invalid", `unable to configure the daemon with file ${path}: ${why}`);
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const mistake = findJsonMistake(text) ?? "it is no JSON";
    throw new Failure("invalid", `unable to configure the daemon with file ${path}: ${mistake}`, { cause });
  }
}

function checkRefused(key: string, value: unknown, path: string): void {
  if (value === undefined || value === null) return;
  const { harmless = [], why = "" } = refusedKeys[key] ?? {};
  const isHarmless = harmless.some((each) => JSON.stringify(each) === JSON.stringify(value));
  if (!isHarmless) throw refused(path, `cannot use "${key}": ${why === "" ? "want true or false" : why}`);
}

function flagsOf(
  key: string,
  { flag, form }: DaemonKey,
  { given, path }: { readonly given: unknown; readonly path: string },
): readonly DaemonFileFlag[] {
  const words = wordsOf(form, given);
  if (words === undefined) throw refused(path, `cannot use "${key}": want ${wanted[form]}`);
  if (form === "proxies")
    return words.map((word) => {
      const at = word.indexOf("=");
      return { key: `${key}.${word.slice(0, at)}`, flag: word.slice(0, at), words: [word.slice(at + 1)] };
    });
  if (key === "features") checkFeatures(words, path);
  return [{ key, flag, words }];
}

function checkFeatures(words: readonly string[], path: string): void {
  for (const word of words) {
    const [name = "", value] = word.split("=");
    const why = refusedFeatures[name];
    if (why !== undefined && value === "true")
      throw refused(path, `cannot use the feature "${name}": ${why}`);
  }
}

const wanted: Readonly<Record<ValueForm, string>> = {
  text: "a string",
  boolean: "true or false",
  integer: "a whole number",
  size: 'a number of bytes, or a string as "64m"',
  texts: "a list of strings",
  options: "an object of strings",
  switches: "an object of true and false",
  ulimits: 'an object as {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048}}',
  pools: 'a list of objects as {"base": "10.10.0.0/16", "size": 24}',
  proxies: 'an object of strings with "http-proxy", "https-proxy" and "no-proxy"',
};

/** Undefined: it has another form. */
function wordsOf(form: ValueForm, value: unknown): readonly string[] | undefined {
  switch (form) {
    case "text":
      return typeof value === "string" ? [value] : undefined;
    case "boolean":
      return typeof value === "boolean" ? [String(value)] : undefined;
    case "integer":
      return Number.isSafeInteger(value) ? [String(value)] : undefined;
    case "size":
      return typeof value === "string" || Number.isSafeInteger(value) ? [String(value)] : undefined;
    case "texts":
      return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
    case "options":
      return pairsOf(value, "string");
    case "switches":
      return pairsOf(value, "boolean");
    case "proxies":
      return pairsOf(value, "string")?.every((word) => /^(?:https?|no)-proxy=/.test(word)) === true
        ? pairsOf(value, "string")
        : undefined;
    case "ulimits":
      return ulimitsOf(value);
    case "pools":
      return poolsOf(value);
  }
  return form satisfies never;
}

function pairsOf(value: unknown, type: "string" | "boolean"): readonly string[] | undefined {
  if (!isRecord(value)) return undefined;
  const entries = Object.entries(value);
  // oxlint-disable-next-line valid-typeof -- one of two words
  if (!entries.every(([, each]) => typeof each === type)) return undefined;
  return entries.map(([name, each]) => `${name}=${String(each)}`);
}

function ulimitsOf(value: unknown): readonly string[] | undefined {
  if (!isRecord(value)) return undefined;
  const words = Object.entries(value).map(([name, limit]) => {
    if (!isRecord(limit)) return undefined;
    const { Name: own = name, Soft: soft, Hard: hard = soft } = limit;
    if (own !== name || !Number.isSafeInteger(soft) || !Number.isSafeInteger(hard)) return undefined;
    return `${name}=${String(soft)}:${String(hard)}`;
  });
  return allText(words);
}

function poolsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: readonly unknown[] = value;
  return allText(
    items.map((pool) => {
      if (!isRecord(pool)) return undefined;
      const { base, size } = pool;
      if (typeof base !== "string" || !Number.isSafeInteger(size)) return undefined;
      return `base=${base},size=${String(size)}`;
    }),
  );
}

function allText(words: readonly (string | undefined)[]): readonly string[] | undefined {
  const found = words.filter((word) => word !== undefined);
  return found.length === words.length ? found : undefined;
}
