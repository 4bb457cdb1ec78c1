import { openDirectoryPath } from "../linux/files/open.ts";
import { encodeRequest, answer, FrameReader } from "./keeper/frames.ts";
import { decodeRunning, findExitRecord, KeeperConnection } from "./keeper/kept-process.ts";
import { connectKeeper } from "./keeper/socket.ts";
import type { Exit, KeptProcess } from "./types.ts";

/**
 * Finds a process of an earlier life of the engine by its run directory: alive and in a keeper's care, ended with a
 * record, or (undefined) lost: no keeper answers and none left a record.
 */
export async function reconnect(runDirectory: string): Promise<KeptProcess | Exit | undefined> {
  using directory = openDirectoryPath(runDirectory);
  try {
    const socket = await connectKeeper(directory.fd);
    const reader = new FrameReader(socket);
    socket.write(encodeRequest("watch"));
    const frame = await reader.next();
    if (frame?.kind === answer.running) {
      const running = decodeRunning(frame.payload);
      return new KeeperConnection({
        running,
        directory: openDirectoryPath(runDirectory),
        runDirectory,
        socket,
        reader,
      });
    }
    socket.destroy();
  } catch {
    // No keeper listens: the record contains the exit.
  }
  return findExitRecord(runDirectory);
}
