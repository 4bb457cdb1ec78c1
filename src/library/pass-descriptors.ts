import type { Client } from "../client/client.ts";
import type { DescriptorOptions } from "../model/descriptors.ts";
import { resolvePreserved } from "../engine/resolve/preserved-fds.ts";
import { sendDescriptors } from "../linux/sockets/descriptor-packet.ts";

/**
 * Sends copies of this process's descriptors to the daemon; returns the token that stands for them. Undefined without
 * any.
 */
export async function passDescriptors(
  client: Client,
  { preserveFds, descriptors }: DescriptorOptions,
): Promise<string | undefined> {
  const planned = resolvePreserved(preserveFds);
  if (planned.size === 0) return descriptors;
  const { Socket: path, Token: text } = await client.system.offerDescriptors([...planned.keys()]);
  sendDescriptors(path, { text, fds: [...planned.values()] });
  return text;
}
