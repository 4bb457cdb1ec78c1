import type { Call } from "../command.ts";
import { displayProgress } from "../format/progress-display.ts";
import type { OutputStream } from "../context.ts";
import { registryAuthFor } from "./find-credentials.ts";

export interface PullSettings {
  /** `linux/arm64`; empty: the daemon's own. */
  readonly platform: string;
  readonly isQuiet: boolean;
  /** Where progress goes. */
  readonly out: OutputStream;
}

/** Has the daemon pull it, with what the user's configuration knows of its registry, and draws the progress. */
export async function pullImage(call: Call<unknown>, image: string, settings: PullSettings): Promise<void> {
  const { platform, isQuiet, out } = settings;
  const auth = await registryAuthFor(image, call.context.env);
  const client = await call.client();
  const messages = client.images.pull(image, {
    signal: call.signal,
    ...(auth === undefined ? {} : { auth }),
    ...(platform === "" ? {} : { platform }),
  });
  await displayProgress(messages, out, { isQuiet });
}
