import type { Distribution } from "./facts.ts";

export type Family = "debian" | "fedora" | "arch" | "alpine" | "suse";

const families: Readonly<Record<string, Family>> = {
  debian: "debian",
  ubuntu: "debian",
  fedora: "fedora",
  rhel: "fedora",
  centos: "fedora",
  arch: "arch",
  alpine: "alpine",
  suse: "suse",
  opensuse: "suse",
};

/** SPEC: os-release(5). Pure. */
export function parseDistribution(text: string): Distribution {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z_]+)=(?:"([^"]*)"|'([^']*)'|(\S*))\s*$/.exec(line);
    if (match !== null) values.set(match[1] ?? "", match[2] ?? match[3] ?? match[4] ?? "");
  }
  const like = (values.get("ID_LIKE") ?? "").split(/\s+/).filter((word) => word !== "");
  return { id: values.get("ID") ?? "linux", like };
}

/** The family whose package manager the distribution has; undefined for others. */
export function familyOf({ id, like }: Distribution): Family | undefined {
  return [id, ...like].map((word) => families[word]).find((family) => family !== undefined);
}

/** A package's name for each family; the same everywhere where it is text. */
export type PackageName = string | Readonly<Partial<Record<Family, string>>>;

const managers: Readonly<Record<Family, string>> = {
  debian: "apt-get install -y",
  fedora: "dnf install -y",
  arch: "pacman -S --needed",
  alpine: "apk add",
  suse: "zypper install -y",
};

/** The command that installs a package; none where the distribution is not known or does not have it. */
export function installCommands(distribution: Distribution, name: PackageName): readonly string[] {
  const family = familyOf(distribution);
  if (family === undefined) return [];
  const known = typeof name === "string" ? name : (name[family] ?? name.debian);
  return known === undefined ? [] : [`${managers[family]} ${known}`];
}

/** Commands that bring a newer kernel. */
export function upgradeKernelCommands({ id, like }: Distribution, architecture: string): readonly string[] {
  const family = familyOf({ id, like });
  const isUbuntu = [id, ...like].includes("ubuntu");
  const commands: Readonly<Record<Family, string>> = {
    debian: `apt-get install -y ${isUbuntu ? "linux-generic" : `linux-image-${architecture}`}`,
    fedora: "dnf upgrade -y kernel",
    arch: "pacman -Syu linux",
    alpine: "apk add --upgrade linux-lts",
    suse: "zypper update -y kernel-default",
  };
  return family === undefined ? [] : [commands[family], "reboot"];
}

/** The package that has modules which a distribution leaves out of its kernel's main package. */
export function moduleCommands(
  distribution: Distribution,
  release: string,
  module: string,
): readonly string[] {
  const family = familyOf(distribution);
  if ([distribution.id, ...distribution.like].includes("ubuntu"))
    return [`apt-get install -y linux-modules-extra-${release}`, `modprobe ${module}`];
  if (family === "fedora") return [`dnf install -y kernel-modules-extra-${release}`, `modprobe ${module}`];
  return [];
}
