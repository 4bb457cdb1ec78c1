import type { Reply } from "./reply.ts";

/** Sends chunks as they come. What fails before the first one can still be a failure reply: it is thrown. */
export async function streamArchive(
  reply: Reply,
  chunks: AsyncIterable<Uint8Array>,
  {
    contentType,
    headers = {},
  }: { readonly contentType: string; readonly headers?: Readonly<Record<string, string>> | undefined },
): Promise<void> {
  for await (const chunk of chunks) {
    if (!reply.isBegun) reply.begin(contentType, headers);
    await reply.write(chunk);
  }
  if (!reply.isBegun) reply.begin(contentType, headers);
  reply.end();
}
