import { Failure } from "../../../base/failure.ts";
import type { Call } from "../../command.ts";

/** Sends them to the daemon; returns the token that stands for them there. Undefined without any. */
export async function passPreserved(
  call: Call<unknown>,
  fds: readonly number[],
): Promise<string | undefined> {
  if (fds.length === 0) return undefined;
  if (!call.globals.host.startsWith("unix://"))
    throw new Failure(
      "unsupported",
      "descriptors can be passed only to a daemon on this machine (a unix socket)",
    );
  const client = await call.client();
  const { Socket: path, Token: text } = await client.system.offerDescriptors(fds);
  await call.context.sendDescriptors(call.globals, { path, text, fds });
  return text;
}
