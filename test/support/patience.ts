import { poll as pollOnce, type PollOptions } from "../../src/base/deadline.ts";

/** How much longer everything takes here than on a real processor: `TARE_TEST_SLOWNESS`, set in a virtual machine. */
export const slowness: number = Number(process.env["TARE_TEST_SLOWNESS"] ?? 1);

/** As the engine's poll(), of a time on a real processor. */
export async function poll<T>(
  find: () => T | undefined | Promise<T | undefined>,
  { timeoutMs, ...options }: PollOptions,
): Promise<T> {
  return await pollOnce(find, { ...options, timeoutMs: timeoutMs * slowness });
}
