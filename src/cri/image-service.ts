import { Failure, isFailure } from "../base/failure.ts";
import type { Progress } from "../base/progress.ts";
import type { GrpcServer } from "../grpc/server.ts";
import type { ImageDetails, ImageSummary } from "../model/images.ts";
import { type Message, type Reply, serverStream, unary } from "./codings.ts";
import type { CriContext } from "./cri-context.ts";
import { credentialsOf, encodeImage } from "./map/images.ts";
import { nanoseconds } from "./map/status.ts";
import { sendInParts } from "./send-in-parts.ts";

const service = "runtime.v1.ImageService";

/** SPEC: runtime.v1.ImageService */
export function serveImages(server: GrpcServer, context: CriContext): void {
  unary(server, `${service}/ListImages`, async ({ filter }) => ({ images: await list(context, filter) }));
  serverStream(server, `${service}/StreamImages`, async ({ filter }, send, { signal }) => {
    const images = await list(context, filter);
    await sendInParts(images, async (part) => await send({ images: part }), signal);
  });
  unary(server, `${service}/ImageStatus`, async ({ image, verbose }) => {
    const found = await find(context, image);
    if (found === undefined) return {};
    return {
      image: encodeImage(found, found.config.defaults.user),
      info: verbose ? { info: JSON.stringify({ imageSpec: found.config, layers: found.layers }) } : {},
    };
  });
  unary(server, `${service}/PullImage`, async ({ image, auth }, { signal }) => {
    const reference = nameOf(image);
    const credentials = credentialsOf(auth);
    const progress = context.engine.images.pull(reference, { credentials, signal });
    await drained(progress);
    return { image_ref: (await context.engine.images.inspect(reference)).id };
  });
  unary(server, `${service}/RemoveImage`, async ({ image }) => {
    const found = await find(context, image);
    if (found !== undefined) await remove(context, found);
    return {};
  });
  unary(server, `${service}/ImageFsInfo`, async () => await fileSystems(context));
}

function nameOf(image: Message<"ImageSpec"> | null): string {
  const name = image?.image ?? "";
  if (name === "") throw new Failure("invalid", "cannot find the image: its name is empty");
  return name;
}

/** SPEC: an image that is not there is no error. */
async function find(
  { engine }: CriContext,
  image: Message<"ImageSpec"> | null,
): Promise<ImageDetails | undefined> {
  try {
    return await engine.images.inspect(nameOf(image));
  } catch (thrown) {
    if (isFailure(thrown, "not-found")) return undefined;
    throw thrown;
  }
}

async function list(
  context: CriContext,
  filter: Message<"ImageFilter"> | null,
): Promise<readonly Reply<"Image">[]> {
  const { images } = context.engine;
  if (filter?.image != null && filter.image.image !== "") {
    const found = await find(context, filter.image);
    return found === undefined ? [] : [encodeImage(found, found.config.defaults.user)];
  }
  const all = (await images.list()).filter(({ artifactType }) => artifactType === undefined);
  return all.map((image) => encodeImage(image, context.cri.imageUserOf(image.id)));
}

/** All names of the image: a kubelet removes images as a whole. Throws "conflict" for one that containers use. */
async function remove({ engine }: CriContext, image: ImageSummary): Promise<void> {
  if (image.containers > 0)
    throw new Failure(
      "conflict",
      `cannot remove the image "${image.id}": ${image.containers} containers use it`,
    );
  try {
    await engine.images.remove(image.id, { force: image.references.length > 1 });
  } catch (thrown) {
    if (!isFailure(thrown, "not-found")) throw thrown;
  }
}

async function drained(progress: AsyncIterable<Progress>): Promise<void> {
  for await (const _ of progress); // its end is what counts
}

/** The engine has images and containers in one file system. */
async function fileSystems({ engine }: CriContext): Promise<Reply<"ImageFsInfoResponse">> {
  const { dataRoot } = await engine.info();
  const { layersBytes } = await engine.diskUsage({ kinds: ["image"] });
  const usage: Reply<"FilesystemUsage"> = {
    timestamp: nanoseconds(Date.now()),
    fs_id: { mountpoint: dataRoot },
    used_bytes: { value: layersBytes },
    inodes_used: { value: 0 },
  };
  return { image_filesystems: [usage], container_filesystems: [usage] };
}
