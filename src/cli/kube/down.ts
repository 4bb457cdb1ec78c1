import type { Command } from "../command.ts";
import { bool } from "../flags/kinds.ts";
import { isRemoved, removeConfigs, removePod } from "./made-objects.ts";
import { readManifest } from "./read-manifest.ts";

interface Values {
  readonly force: boolean;
}

export const kubeDown: Command<Values> = {
  usage: "[OPTIONS] FILE|-",
  takes: [1, 1],
  flags: { force: bool("Remove the volumes of the file's claims, too") },
  completes: ["file"],
  description: `Stops and removes the pods of a file that "kube play" has made, and the secrets of its Secrets and ConfigMaps.`,
  examples: ["tare kube down web.yaml", "tare kube down --force web.yaml"],
  async run(call) {
    const { values, positional, context } = call;
    const manifest = await readManifest(positional[0] ?? "", context);
    const client = await call.client();
    const pods: string[] = [];
    for (const { name } of manifest.pods) {
      const isStopped = await isRemoved(client.pods.end(name, "stop"));
      if ((await removePod(client, name)) || isStopped) pods.push(name);
    }
    const secrets = await removeConfigs(client, manifest);
    const volumes: string[] = [];
    for (const { name } of values.force ? manifest.claims : [])
      if (await isRemoved(client.volumes.remove(name))) volumes.push(name);
    call.out(
      section("Pods removed", pods) +
        section("Secrets removed", secrets) +
        section("Volumes removed", volumes),
    );
    return 0;
  },
};

function section(title: string, lines: readonly string[]): string {
  return `${title}:\n${lines.map((line) => `${line}\n`).join("")}`;
}
