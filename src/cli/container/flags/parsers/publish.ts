import { readExposed, readPublish } from "../../../../api/container/publish-flag.ts";
import { sentenceOf } from "../../../../base/failure.ts";
import { optionFailure } from "../../../flags/flag.ts";
import { isAddress } from "../../run/address.ts";

/** See readPublish(). Throws optionFailure(). */
export function parsePublish(text: string): ReturnType<typeof readPublish> {
  const [port, binding] = asOption(() => readPublish(text));
  if (binding.HostIp !== "" && !isAddress(binding.HostIp))
    throw optionFailure(`invalid IP address: ${binding.HostIp}`);
  return [port, binding];
}

/** See readExposed(). Throws optionFailure(). */
export function parseExposed(text: string): string {
  return asOption(() => readExposed(text));
}

function asOption<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw optionFailure(sentenceOf(thrown));
  }
}
