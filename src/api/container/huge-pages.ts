import { parseByteSize } from "../../base/byte-size.ts";
import { Failure } from "../../base/failure.ts";

/** Bytes by the size of the pages. The limit may have a unit, too: `2MB` → `512m`. Throws "invalid". */
export function parseHugePages(limits: Readonly<Record<string, string>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(limits).map(([size, limit]) => {
      try {
        return [size, parseByteSize(limit)] as const;
      } catch (cause) {
        const shown = JSON.stringify(`${size}=${limit}`.slice(0, 100));
        throw new Failure(
          "invalid",
          `cannot limit huge pages: bad format ${shown}: want SIZE=BYTES, as 2MB=512m`,
          {
            cause,
          },
        );
      }
    }),
  );
}
