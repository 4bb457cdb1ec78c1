import { spawn } from "node:child_process";
import { Failure } from "../../base/failure.ts";
import { isForcedAbsent } from "../../linux/without.ts";

/** Gives rules in nft's language to nft. Throws "unavailable" when there is none. */
export async function runNft(rules: string): Promise<void> {
  const { code, stderr } = await new Promise<{ readonly code: number | null; readonly stderr: string }>(
    (resolve, reject) => {
      if (isForcedAbsent("nft")) return reject(new Error("TARE_WITHOUT says so"));
      const child = spawn("nft", ["-f", "-"], {
        stdio: ["pipe", "ignore", "pipe"],
        env: { ...process.env, PATH: searchPath() },
      });
      let text = "";
      child.stderr.on("data", (chunk: Buffer) => {
        if (text.length < 4096) text += chunk.toString();
      });
      child.on("error", reject);
      child.on("close", (status) => resolve({ code: status, stderr: text }));
      child.stdin.on("error", () => undefined); // it ends without reading: then its status says so
      child.stdin.end(rules);
    },
  ).catch((cause: unknown) => {
    throw new Failure(
      "unavailable",
      'cannot make a network: the program nft is missing (Debian\'s package "nftables"); --network host and none work without it',
      { cause },
    );
  });
  if (code === 0) return;
  const first = stderr.split("\n").find((line) => line !== "") ?? `status ${code}`;
  throw new Failure(
    "unsupported",
    `cannot make the firewall's table: nft says: ${first.replace(/^.*?Error: /, "")}`,
  );
}

/** A daemon may have been started with a short PATH. */
function searchPath(): string {
  return [process.env["PATH"] ?? "", "/usr/sbin", "/sbin", "/usr/bin"]
    .filter((part) => part !== "")
    .join(":");
}
