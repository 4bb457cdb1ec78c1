import { describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { commands } from "../../../src/cli/commands.ts";
import { findCandidates } from "../../../src/cli/completion/candidates.ts";
import { completionScript, shells } from "../../../src/cli/completion/scripts.ts";
import { runCommandLine } from "./command-line.ts";

describe("findCandidates()", () => {
  const words = async (...typed: readonly string[]): Promise<readonly string[]> =>
    (await findCandidates(commands, typed)).words
      .map(({ word }) => word)
      .filter((word) => word.startsWith(typed.at(-1) ?? ""));

  test.each<[readonly string[], readonly string[]]>([
    [["ru"], ["run"]],
    [["--ho"], ["--host"]],
    [["--host", ""], []],
    [
      ["-H", "unix:///x", "ps", "--la"],
      ["--last", "--latest"],
    ],
    [
      ["image", "l"],
      ["ls", "list", "load"],
    ],
    [["container", "nope", ""], []],
    [["run", "--pul"], ["--pull"]],
    [
      ["run", "--pull", ""],
      ["always", "missing", "never", "newer"],
    ],
    [["run", "--pull=a"], ["--pull=always"]],
    [
      ["run", "--net", "n"],
      ["none", "name="],
    ],
    [
      ["run", "-ita", "std"],
      ["stdin", "stdout", "stderr"],
    ],
    [["run", "image", "--pul"], []], // belongs to the program
    [["ps", "--", "--a"], []],
    [["help", "ru"], ["run"]],
    [["ps", "--filter", "sta"], ["status="]],
    [
      ["ps", "-f", "status=r"],
      ["status=removing", "status=restarting", "status=running"],
    ],
    [["ps", "--filter=health=u"], ["--filter=health=unhealthy"]],
    [["ps", "--filter", "nope="], []],
    [["images", "--filter", "dangling=t"], ["dangling=true"]],
    [["network", "ls", "-f", "type=c"], ["type=custom"]],
    [["ps", "--format", "{{.Na"], ["{{.Names}}"]],
    [["ps", "--format", "{{.Names}}: {{.Im"], ["{{.Names}}: {{.Image}}"]],
    [["volume", "ls", "--format=j"], ["--format=json"]],
    [["run", "--cap-add", "NET_A"], ["NET_ADMIN"]],
    [
      ["run", "--stop-signal", "SIGT"],
      ["SIGTERM", "SIGTSTP", "SIGTTIN", "SIGTTOU"],
    ],
    [["kill", "-s", "SIGK"], ["SIGKILL"]],
    [["compose", "up", "--"], []], // belongs to Compose
  ])("offers after %p %p", async (typed, wanted) =>
    expect([...(await words(...typed))].sort()).toEqual([...wanted].sort()),
  );

  test.each<[readonly string[], string]>([
    [["run", ""], "image"],
    [["run", "-d", "--name", "web", ""], "image"],
    [["run", "image", ""], "none"],
    [["exec", "w"], "running"],
    [["start", "a", ""], "stopped"],
    [["inspect", ""], "object"],
    [["load", "-i", ""], "file"],
    [["load", "--input="], "file"],
    [["import", ""], "file"],
  ])("knows that %p names: %p", async (typed, subject) =>
    expect((await findCandidates(commands, typed)).subject).toBe(subject as never),
  );
});

describe("__complete", () => {
  const list = async ({ all }: { readonly all: boolean }): Promise<object[]> => [
    { Id: "0123456789abcdef", Names: ["/web"], Image: "busybox", Status: "Up 1 second", State: "running" },
    ...(all
      ? [{ Id: "fedcba9876543210", Names: ["/db"], Image: "busybox", Status: "Created", State: "created" }]
      : []),
  ];
  const client = { containers: { list }, images: { list: async () => [{ RepoTags: ["busybox:latest"] }] } };
  const complete = async (...typed: readonly string[]): Promise<string> =>
    (await runCommandLine(["__complete", "--", ...typed], { client })).out;

  test("offers names, ids once one was begun, and references", async () => {
    expect(await complete("exec", "")).toBe("web\tbusybox, Up 1 second\n");
    expect(await complete("start", "")).toBe("db\tbusybox, Created\n");
    expect(await complete("rm", "f")).toBe("fedcba987654\tbusybox, Created\n");
    expect(await complete("run", "busy")).toBe("busybox:latest\timage\n");
    expect(await complete("load", "-i", "")).toBe(":files\n");
    expect(await complete("ps", "--filter", "ancestor=bu")).toBe("ancestor=busybox:latest\timage\n");
    expect(await complete("ps", "--filter=name=w")).toBe("--filter=name=web\tbusybox, Up 1 second\n");
  });

  test("offers the labels of what a filter is for, by name and with their values", async () => {
    const labeled = {
      containers: {
        list: async () => [
          { Labels: { tier: "front", flag: "" } },
          { Labels: { tier: "back" } },
          { Labels: null },
        ],
      },
      images: { list: async () => [{ Labels: { maker: "me", bad: "two\nlines" } }] },
      networks: { list: async () => [{ Labels: { lan: "1" } }] },
      volumes: { list: async () => ({ Volumes: [{ Labels: { disk: "x=y" } }] }) },
    };
    const words = async (...typed: readonly string[]): Promise<readonly string[]> => {
      const { out } = await runCommandLine(["__complete", "--", ...typed], { client: labeled });
      return out.split("\n").flatMap((line) => (line === "" ? [] : [line.split("\t", 1)[0] ?? ""]));
    };
    expect(await words("ps", "--filter", "label=")).toEqual([
      "label=flag",
      "label=tier",
      "label=tier=back",
      "label=tier=front",
    ]);
    expect(await words("container", "prune", "--filter=label!=tier=f")).toEqual([
      "--filter=label!=tier=front",
    ]);
    expect(await words("images", "-f", "label=")).toEqual(["label=bad", "label=maker", "label=maker=me"]);
    expect(await words("network", "ls", "-f", "label=lan=")).toEqual(["label=lan=1"]);
    expect(await words("volume", "prune", "--filter", "label=d")).toEqual(["label=disk", "label=disk=x=y"]);
  });

  test("is silent and well without a daemon, and starts none", async () => {
    const { Failure } = await import("../../../src/base/failure.ts");
    const broken = { containers: { list: () => Promise.reject(new Failure("unavailable", "no")) } };
    const outcome = await runCommandLine(["__complete", "--", "exec", ""], { client: broken });
    expect(outcome).toMatchObject({ status: 0, out: "", err: "" });
    expect(outcome.connections[0]?.startsDaemon).toBe(false);
  });
});

describe("completionScript()", () => {
  test.each(shells)("for %s is read by that shell without complaint", (shell) => {
    const script = completionScript(shell) ?? "";
    expect(script).toContain("__complete");
    const { error, status, stderr } = spawnSync(shell, ["-n"], { input: script, encoding: "utf8" });
    if (shell === "bash") expect(error).toBeUndefined();
    // zsh and fish need not be installed.
    if (error === undefined) expect([status, stderr]).toEqual([0, ""]);
  });

  test.each([
    ["tare exec w", "web web2"],
    ["tare run busybox:", "latest 1"],
    ["tare run --net=n", "none"],
    ["tare load -i /etc/hostn", "/etc/hostname"],
    ["tare ps --filter status=r", "running"],
    ["tare ", "run ps"],
  ])("for bash completes %p to %p", (line, wanted) => {
    const fake = `tare() {
      case "$*" in
        "__complete -- exec w") printf 'web\\tone\\nweb2\\ttwo words\\n' ;;
        "__complete -- run busybox:") printf 'busybox:latest\\t\\nbusybox:1\\t\\n' ;;
        "__complete -- run --net=n") printf -- '--net=none\\t\\n' ;;
        "__complete -- load -i /etc/hostn") echo :files ;;
        "__complete -- ps --filter status=r") printf 'status=running\\t\\n' ;;
        "__complete -- ") printf 'run\\tRun\\nps\\tList\\n' ;;
      esac
    }`;
    const check = `COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; _tare; printf '%s' "\${COMPREPLY[*]}"`;
    const script = [fake, completionScript("bash"), check].join("\n");
    expect(execFileSync("bash", ["-c", script], { encoding: "utf8" })).toBe(wanted);
  });
});
