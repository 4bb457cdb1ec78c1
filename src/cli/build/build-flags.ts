import { Failure, sentenceOf } from "../../base/failure.ts";
import { parseReference } from "../../spec/reference.ts";
import type { TableOf } from "../flags/flag.ts";
import { bool, bytes, int, later, list, string } from "../flags/kinds.ts";
import { checkLabel } from "../flags/label.ts";
import { parseUlimit } from "../flags/ulimit.ts";
import { parseAttestation } from "./parse-attestation.ts";
import { parseSsh } from "./parse-ssh.ts";
import { parseCache } from "./parse-cache.ts";
import { parseAnnotation, parseOutput } from "./build-output.ts";
import { parseNamedContext } from "./named-contexts.ts";
import { parseSecret } from "./secrets.ts";

export interface BuildValues {
  readonly "add-host": readonly string[];
  readonly allow: readonly string[];
  readonly annotation: readonly string[];
  readonly attest: readonly string[];
  readonly "build-arg": readonly string[];
  readonly "build-context": readonly string[];
  readonly builder: string;
  readonly "cache-from": readonly string[];
  readonly "cache-to": readonly string[];
  readonly call: string;
  readonly "cgroup-parent": string;
  readonly check: boolean;
  readonly compress: boolean;
  readonly "cpu-period": number | undefined;
  readonly "cpu-quota": number | undefined;
  readonly "cpu-shares": number | undefined;
  readonly "cpuset-cpus": string;
  readonly "cpuset-mems": string;
  readonly "disable-content-trust": boolean;
  readonly file: string;
  readonly "force-rm": boolean;
  readonly iidfile: string;
  readonly isolation: string;
  readonly label: readonly string[];
  readonly load: boolean;
  readonly memory: number | undefined;
  readonly "memory-swap": number | undefined;
  readonly "metadata-file": string;
  readonly network: string;
  readonly "no-cache": boolean;
  readonly "no-cache-filter": readonly string[];
  readonly output: readonly string[];
  readonly platform: readonly string[];
  readonly progress: string;
  readonly provenance: string;
  readonly pull: boolean;
  readonly push: boolean;
  readonly quiet: boolean;
  readonly rm: boolean;
  readonly sbom: string;
  readonly secret: readonly string[];
  readonly "security-opt": readonly string[];
  readonly "shm-size": number | undefined;
  readonly squash: boolean;
  readonly ssh: readonly string[];
  readonly tag: readonly string[];
  readonly target: string;
  readonly ulimit: readonly string[];
}

export const progressWords: readonly string[] = ["auto", "plain", "quiet", "rawjson", "tty"];

/** The flags of `docker build`, of the classic command and of buildx. */
export const buildFlags: TableOf<BuildValues> = {
  "add-host": list("Add a custom host-to-IP mapping (host:ip)", { check: checkHost }),
  allow: list("Allow extra privileged entitlement", {
    words: ["network.host", "security.insecure", "device"],
  }),
  annotation: list("Add annotation to the image (e.g., key=value, index:key=value)", {
    check: (text) => (parseAnnotation(text), text),
  }),
  attest: list("Attestation parameters (format: type=sbom,generator=image)", {
    check: (text) => (parseAttestation(text), text),
  }),
  "build-arg": list("Set build-time variables; a name alone takes its value from the environment"),
  "build-context": list("Additional build contexts (e.g., name=path)", {
    check: (text) => (parseNamedContext(text), text),
  }),
  builder: later(string("Override the configured builder instance"), "", "default"),
  "cache-from": list("External cache sources (e.g., user/app:cache, type=registry,ref=user/app:cache)", {
    check: (text) => (parseCache(text), text),
  }),
  "cache-to": list("Cache export destinations (e.g., user/app:cache, type=inline)", {
    check: (text) => (parseCache(text), text),
  }),
  call: string("Set method for evaluating build (check, targets)", {
    initial: "build",
    words: ["build", "check", "targets"],
  }),
  "cgroup-parent": string("Set the parent cgroup for the RUN instructions during build"),
  check: bool("Check the Dockerfile, without building"),
  compress: bool("Compress the build context using gzip (no effect)", { isHidden: true }),
  "cpu-period": int("Limit the CPU CFS (Completely Fair Scheduler) period"),
  "cpu-quota": int("Limit the CPU CFS (Completely Fair Scheduler) quota"),
  "cpu-shares": int("CPU shares (relative weight)", { short: "c" }),
  "cpuset-cpus": string("CPUs in which to allow execution (0-3, 0,1)"),
  "cpuset-mems": string("MEMs in which to allow execution (0-3, 0,1)"),
  "disable-content-trust": bool("Skip image verification", { initial: true, isHidden: true }),
  file: string('Name of the Dockerfile (default: "PATH/Dockerfile"); - for STDIN', {
    short: "f",
    isFile: true,
  }),
  "force-rm": bool("Always remove intermediate containers (no effect)", { isHidden: true }),
  iidfile: string("Write the image ID to the file", { isFile: true }),
  isolation: later(string("Container isolation technology", { isHidden: true }), "", "default"),
  label: list("Set metadata for an image", { check: checkLabel }),
  load: bool("Shorthand for --output=type=docker: what is done without it, too"),
  memory: bytes("Memory limit of each step", { short: "m" }),
  "memory-swap": bytes("Swap limit equal to memory plus swap: -1 to enable unlimited swap", {
    unlimited: true,
  }),
  "metadata-file": string("Write build result metadata to the file", { isFile: true }),
  network: string("Set the networking mode for the RUN instructions during build", {
    initial: "default",
    words: ["default", "host", "none"],
  }),
  "no-cache": bool("Do not use cache when building the image"),
  "no-cache-filter": list("Do not cache specified stages"),
  output: list("Output destination (format: type=local,dest=path)", {
    short: "o",
    check: (text) => (parseOutput(text), text),
  }),
  platform: list("Set target platform for build", { words: ["linux/amd64", "linux/arm64", "linux/arm/v7"] }),
  progress: string("Set type of progress output (auto, plain, tty, rawjson, quiet)", {
    initial: "auto",
    words: progressWords,
    check: checkProgress,
  }),
  provenance: string("Shorthand for --attest=type=provenance (true, false, mode=max)"),
  pull: bool("Always attempt to pull all referenced images"),
  push: bool("Shorthand for --output=type=registry"),
  quiet: bool("Suppress the build output and print image ID on success", { short: "q" }),
  rm: bool("Remove intermediate containers after a successful build (no effect)", {
    initial: true,
    isHidden: true,
  }),
  sbom: string("Shorthand for --attest=type=sbom (true, false, generator=image)"),
  secret: list("Secret to expose to the build (format: id=mysecret[,src=/local/secret])", {
    check: (text) => (parseSecret(text), text),
  }),
  "security-opt": later(list("Security options", { isHidden: true })),
  "shm-size": bytes("Shared memory size for build containers"),
  squash: later(bool("Squash newly built layers into a single new layer", { isHidden: true }), "false"),
  ssh: list("SSH agent socket to expose to the build (format: default, ID=SOCKET)", {
    check: (text) => (parseSsh(text), text),
  }),
  tag: list("Name and optionally a tag (format: name:tag)", { short: "t", check: checkTag, names: "image" }),
  target: string("Set the target build stage to build"),
  ulimit: list("Ulimit options", {
    type: "ulimit",
    initialText: "[]",
    check: (text) => (parseUlimit(text), text),
  }),
};

function checkHost(text: string): string {
  if (/^[^:=]+[:=].+$/.test(text)) return text.replace(/^([^:=]+)=/, "$1:");
  throw new Failure("invalid", `bad format for add-host: ${JSON.stringify(text)}`);
}

function checkTag(text: string): string {
  try {
    parseReference(text);
  } catch (thrown) {
    throw new Failure("invalid", sentenceOf(thrown));
  }
  return text;
}

export function checkProgress(text: string): string {
  if (progressWords.includes(text)) return text;
  throw new Failure(
    "invalid",
    `invalid progress type ${JSON.stringify(text)}: one of ${progressWords.join(", ")}`,
  );
}
