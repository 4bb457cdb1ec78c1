import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { buildOnce } from "../support/build-once.ts";
import { busyboxArchive, debianArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot, repository } from "../support/tare.ts";

const archive = isRoot ? debianArchive() : undefined;
const timeoutMs = 180_000;

/** Debian with systemd as first process, in a container; an engine runs in it as a service. */
describe.skipIf(archive === undefined)("the Debian package under systemd", () => {
  let tare: Installation;

  /** A shell's command line in the container; its standard output. */
  const inside = async (script: string): Promise<string> =>
    await tare.must(["exec", "machine", "sh", "-ec", script], { timeoutMs });
  const mainPid = async (): Promise<string> => await inside("systemctl show -p MainPID --value tare.service");
  const isActive = async (): Promise<void> => {
    await poll(
      async () =>
        (await tare.tare(["exec", "machine", "systemctl", "is-active", "tare.service"])).stdout ===
          "active\n" || undefined,
      { what: "have the service active", timeoutMs },
    );
  };
  /** Of the container in the container, as its own first process is seen there. */
  const webPid = async (): Promise<string> => await inside("tare inspect -f '{{.State.Pid}}' web");

  beforeAll(async () => {
    buildOnce("deb");
    tare = new Installation();
    await tare.must(["load", "-i", archive ?? ""]);
    const flags = ["--privileged", "--systemd=always", "-v", "state:/var/lib/tare"];
    await tare.must(["run", "-d", "--name", "machine", ...flags, "debian", "/sbin/init"]);
    // The least that the package's scripts need: its bus.
    await poll(
      async () => (await tare.tare(["exec", "machine", "systemctl", "list-units"])).status === 0 || undefined,
      { what: "boot systemd", timeoutMs },
    );
    const version = (await tare.must(["--version"])).match(/version ([^,\s]+)/)?.[1] ?? "";
    const packages = join(repository, "dist/packages");
    const architecture = process.arch === "x64" ? "amd64" : process.arch;
    await tare.must(["cp", join(packages, `tare_${version}_${architecture}.deb`), "machine:/root/tare.deb"]);
    await tare.must(["cp", busyboxArchive(), "machine:/root/busybox.tar"]);
  }, 600_000);
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  }, 120_000);

  test(
    "an installation starts the service, and a container runs",
    async () => {
      await inside("dpkg -i /root/tare.deb");
      await isActive();
      expect(await inside("tare run --rm hello")).toContain("started in");
      expect(await inside("systemctl is-enabled tare.socket tare.service")).toBe("enabled\nenabled");
      expect(
        await inside("ls -ld /run/tare | cut -c1-10; ls -l /run/tare/tare.sock | cut -d' ' -f1,3,4"),
      ).toBe("drwx--x---\nsrw-rw---- root tare");
      expect(await inside("cat /proc/net/tcp /proc/net/tcp6 | grep -c ' 0A ' || true")).toBe("0");
      expect(await inside("man -w tare-run 2>/dev/null || ls /usr/share/man/man1/tare-run.1.gz")).toContain(
        "tare-run",
      );
      expect(
        await inside("bash -c '. /usr/share/bash-completion/completions/tare && complete -p tare'"),
      ).toContain("tare");
    },
    timeoutMs,
  );

  test(
    "members of the group use it without root; others read what to do",
    async () => {
      await inside("useradd -G tare member; useradd other; tare load -qi /root/busybox.tar");
      expect(await inside("su member -c 'tare run --rm busybox echo as a member'")).toBe("as a member");
      const { status, stderr } = await tare.tare(["exec", "machine", "su", "other", "-c", "tare ps"]);
      expect([status, stderr]).toEqual([
        1,
        "tare: this needs root; run: sudo tare ps, or join the group: sudo usermod -aG tare $USER, then log in again\n",
      ]);
    },
    timeoutMs,
  );

  test(
    "containers outlive the daemon: killed, upgraded and restarted",
    async () => {
      await inside("tare run -d --restart always --name web busybox sleep 100000");
      const [web, first] = [await webPid(), await mainPid()];
      await inside(`kill -9 ${first}`);
      await isActive();
      expect(await webPid()).toBe(web);
      const second = await mainPid();
      expect(second).not.toBe(first);
      await inside("dpkg -i /root/tare.deb");
      await isActive();
      expect(await mainPid()).not.toBe(second);
      expect(await webPid()).toBe(web);
      await inside("systemctl restart tare.service");
      expect(await webPid()).toBe(web);
      expect(await inside("tare system check")).toBe("Everything is in order.");
    },
    timeoutMs,
  );

  test(
    "after a boot, a container with a restart policy runs before any command",
    async () => {
      const keeper = "grep -lzx tare-keeper /proc/[0-9]*/cmdline";
      expect(await inside(`${keeper} | wc -l`)).not.toBe("0");
      await tare.must(["restart", "machine"], { timeoutMs });
      await poll(
        async () => {
          const script = "grep -lzx sleep /proc/[0-9]*/cmdline";
          return (await tare.tare(["exec", "machine", "sh", "-c", script])).status === 0 || undefined;
        },
        { what: "have the container started at boot", timeoutMs },
      );
      await isActive();
      expect(await inside("tare ps --format '{{.Names}}'")).toBe("web");
    },
    timeoutMs,
  );

  test(
    "tare system uninstall leaves what is the package's",
    async () => {
      await inside("tare system uninstall");
      expect(await inside("systemctl is-active tare.socket tare.service")).toBe("active\nactive");
      expect(await inside("dpkg --verify tare; tare ps --format '{{.Names}}'")).toBe("web");
    },
    timeoutMs,
  );

  test(
    "a removal stops containers; a purge leaves the images",
    async () => {
      await inside("dpkg -r tare");
      expect(await inside("grep -lzx sleep /proc/[0-9]*/cmdline || true")).toBe("");
      expect(await inside("ls /usr/lib/systemd/system | grep tare || true; ls /etc/default/tare")).toBe(
        "/etc/default/tare",
      );
      expect(await inside("dpkg -P tare")).toContain("/var/lib/tare stays");
      expect(
        await inside("ls /etc/default/tare /run/tare 2>/dev/null || true; ls /var/lib/tare/state.db"),
      ).toBe("/var/lib/tare/state.db");
    },
    timeoutMs,
  );

  test(
    "tare system install makes the same service for an executable anywhere; uninstall removes it",
    async () => {
      await inside("mkdir /opt/tare; dpkg-deb -x /root/tare.deb /opt/tare");
      const own = "/opt/tare/usr/lib/tare/tare";
      expect(await inside(`${own} system install --socket-group operators`)).toBe(
        "The service runs: systemctl status tare",
      );
      expect(await inside("systemctl show -p ExecStart --value tare.service")).toContain(`path=${own} `);
      expect(await inside("stat -c %G /run/tare/tare.sock")).toBe("operators");
      expect(await inside(`${own} images --format '{{.Repository}}'`)).toContain("busybox");
      await inside(`${own} system uninstall`);
      expect(await inside("find /etc/systemd /etc/tmpfiles.d /usr/local -name '*tare*'")).toBe("");
      expect(await inside("systemctl is-active tare.service || true")).toBe("inactive");
    },
    timeoutMs,
  );
});
