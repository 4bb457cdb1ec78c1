/** Writes and waits until the stream takes more; a stream that broke takes everything and keeps nothing. */
export function writeAll(stream: NodeJS.WritableStream, bytes: Uint8Array): Promise<void> | undefined {
  if (!stream.writable || stream.write(bytes)) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ["drain", "close", "error"]) stream.removeListener(event, done);
      resolve();
    };
    for (const event of ["drain", "close", "error"]) stream.once(event, done);
  });
}
