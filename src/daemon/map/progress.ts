import type { ProgressMessage } from "../../api/types/progress.ts";
import type { LayerPhase, Progress } from "../../base/progress.ts";

/** Docker's words for what happens to a layer; clients compare some of them. */
const words: Readonly<Record<LayerPhase, string>> = {
  waiting: "Pulling fs layer",
  downloading: "Downloading",
  retrying: "Retrying",
  verifying: "Verifying Checksum",
  downloaded: "Download complete",
  unpacking: "Extracting",
  done: "Pull complete",
  exists: "Already exists",
  compressing: "Compressing",
  uploading: "Pushing",
  uploaded: "Pushed",
};
const loadWords: Partial<Record<LayerPhase, string>> = { unpacking: "Loading layer", done: "Loaded layer" };

/** One line of `pull`. */
export function pullMessageOf(progress: Progress): ProgressMessage | undefined {
  switch (progress.kind) {
    case "layer":
      return layerMessage(progress, words[progress.phase]);
    case "status":
      return { status: progress.text, id: progress.id };
    case "output":
      return { status: progress.text };
    case "image":
      return undefined; // a status message has named it
    default:
      return progress satisfies never;
  }
}

/** One line of `push`; the last one is for programs. */
export function pushMessageOf(progress: Progress): ProgressMessage {
  if (progress.kind === "image") {
    return { aux: { Tag: progress.reference?.split(":").at(-1) ?? "", Digest: progress.id } };
  }
  const isLayer = progress.kind === "layer";
  if (isLayer && progress.phase === "exists") return layerMessage(progress, "Layer already exists");
  if (isLayer && progress.phase === "waiting") return layerMessage(progress, "Preparing");
  return pullMessageOf(progress) ?? {};
}

/** One line of `load`. */
export function loadMessageOf(progress: Progress): ProgressMessage {
  switch (progress.kind) {
    case "layer":
      return layerMessage(progress, loadWords[progress.phase] ?? words[progress.phase]);
    case "image": {
      const text = progress.reference === undefined ? ` ID: ${progress.id}` : `: ${progress.reference}`;
      return { stream: `Loaded image${text}\n` };
    }
    case "status":
    case "output":
      return { stream: `${progress.text}\n` };
    default:
      return progress satisfies never;
  }
}

function layerMessage(
  { id, phase, currentBytes, totalBytes }: Extract<Progress, { kind: "layer" }>,
  status: string,
): ProgressMessage {
  if (phase === "retrying") {
    const seconds = currentBytes ?? 1;
    return { status: `Retrying in ${seconds} second${seconds === 1 ? "" : "s"}`, progressDetail: {}, id };
  }
  const progressDetail = {
    current: currentBytes,
    total: totalBytes,
  };
  return { status, progressDetail, id };
}
