import type { CommandEntry, CommandTree } from "./tree.ts";
import { usualCommands } from "./usual-commands.ts";

/** The groups of commands, with what help says of them. */
const groups: CommandTree["groups"] = {
  container: "Manage containers",
  image: "Manage images",
  manifest: "Manage manifest lists: one name for an image of several platforms",
  volume: "Manage volumes",
  network: "Manage networks",
  secret: "Manage secrets, which containers get as files or variables",
  pod: "Manage pods: containers that share namespaces",
  system: "Manage the engine",
  storage: "Compare the storage drivers",
  daemon: "Manage the daemon",
};

/** Docker's commands that come later, the groups by their name: answered as such, not as mistakes. */
const later: CommandTree["later"] = new Set(
  "build builder buildx checkpoint compose config context node plugin service stack swarm trust".split(" "),
);

const entries: readonly CommandEntry[] = [
  ...usualCommands,
  {
    names: ["image load", "load"],
    summary: "Load an image from a tar archive or STDIN",
    isCommon: true,
    load: async () => (await import("./commands/load.ts")).load,
  },
  {
    names: ["image pull", "pull"],
    summary: "Download an image from a registry",
    isCommon: true,
    load: async () => (await import("./commands/pull.ts")).pull,
  },
  {
    names: ["image push", "push"],
    summary: "Upload an image to a registry",
    isCommon: true,
    load: async () => (await import("./commands/push.ts")).push,
  },
  {
    names: ["image save", "save"],
    summary: "Save one or more images to a tar archive (streamed to STDOUT by default)",
    load: async () => (await import("./commands/save.ts")).save,
  },
  {
    names: ["search"],
    summary: "Search Docker Hub or a registry for images",
    isCommon: true,
    load: async () => (await import("./commands/search.ts")).search,
  },
  {
    names: ["login"],
    summary: "Authenticate to a registry",
    isCommon: true,
    load: async () => (await import("./commands/login.ts")).login,
  },
  {
    names: ["logout"],
    summary: "Log out from a registry",
    isCommon: true,
    load: async () => (await import("./commands/logout.ts")).logout,
  },
  {
    names: ["version"],
    summary: "Show the version information",
    isCommon: true,
    load: async () => (await import("./commands/version.ts")).version,
  },
  {
    names: ["system info", "info"],
    summary: "Display system-wide information",
    isCommon: true,
    load: async () => (await import("./commands/info.ts")).info,
  },
  {
    names: ["container attach", "attach"],
    summary: "Attach local standard input, output, and error streams to a running container",
    load: async () => (await import("./commands/attach.ts")).attach,
  },
  {
    names: ["container commit", "commit"],
    summary: "Create a new image from a container's changes",
    load: async () => (await import("./commands/commit.ts")).commit,
  },
  {
    names: ["container cp", "cp"],
    summary: "Copy files/folders between a container and the local filesystem",
    load: async () => (await import("./commands/cp.ts")).cp,
  },
  {
    names: ["container create", "create"],
    summary: "Create a new container",
    load: async () => (await import("./commands/create.ts")).create,
  },
  {
    names: ["container diff", "diff"],
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: async () => (await import("./commands/diff.ts")).diff,
  },
  {
    names: ["system events", "events"],
    summary: "Get real time events from the server",
    load: async () => (await import("./commands/events.ts")).events,
  },
  {
    names: ["container export", "export"],
    summary: "Export a container's filesystem as a tar archive",
    load: async () => (await import("./commands/export.ts")).exportContainer,
  },
  {
    names: ["image history", "history"],
    summary: "Show the history of an image",
    load: async () => (await import("./commands/history.ts")).history,
  },
  {
    names: ["image import", "import"],
    summary: "Import the contents from a tarball to create a filesystem image",
    load: async () => (await import("./commands/import.ts")).importImage,
  },
  {
    names: ["inspect"],
    summary: "Return low-level information on containers and images",
    load: async () => (await import("./commands/inspect.ts")).inspect,
  },
  {
    names: ["container inspect"],
    summary: "Display detailed information on one or more containers",
    load: async () => (await import("./commands/inspect.ts")).inspectContainers,
  },
  {
    names: ["image inspect"],
    summary: "Display detailed information on one or more images",
    load: async () => (await import("./commands/inspect.ts")).inspectImages,
  },
  {
    names: ["container kill", "kill"],
    summary: "Kill one or more running containers",
    load: async () => (await import("./commands/kill.ts")).kill,
  },
  {
    names: ["container logs", "logs"],
    summary: "Fetch the logs of a container",
    load: async () => (await import("./commands/logs.ts")).logs,
  },
  {
    names: ["namespaces"],
    summary: "Show the kernel namespaces of containers and who shares them",
    load: async () => (await import("./commands/namespaces.ts")).namespaces,
  },
  {
    names: ["container pause", "pause"],
    summary: "Pause all processes within one or more containers",
    load: async () => (await import("./commands/pause.ts")).pause,
  },
  {
    names: ["container prune"],
    summary: "Remove all stopped containers",
    load: async () => (await import("./commands/container-prune.ts")).containerPrune,
  },
  {
    names: ["container rename", "rename"],
    summary: "Rename a container",
    load: async () => (await import("./commands/rename.ts")).rename,
  },
  {
    names: ["container restart", "restart"],
    summary: "Restart one or more containers",
    load: async () => (await import("./commands/stop.ts")).restart,
  },
  {
    names: ["container rm", "container remove", "rm"],
    summary: "Remove one or more containers",
    load: async () => (await import("./commands/rm.ts")).rm,
  },
  {
    names: ["image prune"],
    summary: "Remove unused images",
    load: async () => (await import("./commands/image-prune.ts")).imagePrune,
  },
  {
    names: ["image rm", "image remove", "rmi"],
    summary: "Remove one or more images",
    load: async () => (await import("./commands/rmi.ts")).rmi,
  },
  {
    names: ["container start", "start"],
    summary: "Start one or more stopped containers",
    load: async () => (await import("./commands/start.ts")).start,
  },
  {
    names: ["container stats", "stats"],
    summary: "Display a live stream of container(s) resource usage statistics",
    load: async () => (await import("./commands/stats.ts")).stats,
  },
  {
    names: ["container stop", "stop"],
    summary: "Stop one or more running containers",
    load: async () => (await import("./commands/stop.ts")).stop,
  },
  {
    names: ["image tree"],
    summary: "Show which layers images share",
    load: async () => (await import("./commands/image-tree.ts")).imageTree,
  },
  {
    names: ["manifest annotate"],
    summary: "Add additional information to a local image manifest",
    load: async () => (await import("./commands/manifest-annotate.ts")).manifestAnnotate,
  },
  {
    names: ["manifest create"],
    summary: "Create a local manifest list for annotating and pushing to a registry",
    load: async () => (await import("./commands/manifest-create.ts")).manifestCreate,
  },
  {
    names: ["manifest inspect"],
    summary: "Display an image manifest, or manifest list",
    load: async () => (await import("./commands/manifest-inspect.ts")).manifestInspect,
  },
  {
    names: ["manifest push"],
    summary: "Push a manifest list to a repository",
    load: async () => (await import("./commands/manifest-push.ts")).manifestPush,
  },
  {
    names: ["manifest rm"],
    summary: "Delete one or more manifest lists from local storage",
    load: async () => (await import("./commands/manifest-rm.ts")).manifestRm,
  },
  {
    names: ["image tag", "tag"],
    summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    load: async () => (await import("./commands/tag.ts")).tag,
  },
  {
    names: ["container top", "top"],
    summary: "Display the running processes of a container",
    load: async () => (await import("./commands/top.ts")).top,
  },
  {
    names: ["container unpause", "unpause"],
    summary: "Unpause all processes within one or more containers",
    load: async () => (await import("./commands/unpause.ts")).unpause,
  },
  {
    names: ["container update", "update"],
    summary: "Update configuration of one or more containers",
    load: async () => (await import("./commands/update.ts")).update,
  },
  {
    names: ["container wait", "wait"],
    summary: "Block until one or more containers stop, then print their exit codes",
    load: async () => (await import("./commands/wait.ts")).wait,
  },
  {
    names: ["system df"],
    summary: "Show disk usage of the engine",
    load: async () => (await import("./commands/system-df.ts")).systemDf,
  },
  {
    names: ["system prune"],
    summary: "Remove unused data",
    load: async () => (await import("./commands/system-prune.ts")).systemPrune,
  },
  {
    names: ["network connect"],
    summary: "Connect a container to a network",
    load: async () => (await import("./commands/network-connect.ts")).networkConnect,
  },
  {
    names: ["network create"],
    summary: "Create a network",
    load: async () => (await import("./commands/network-create.ts")).networkCreate,
  },
  {
    names: ["network disconnect"],
    summary: "Disconnect a container from a network",
    load: async () => (await import("./commands/network-connect.ts")).networkDisconnect,
  },
  {
    names: ["network inspect"],
    summary: "Display detailed information on one or more networks",
    load: async () => (await import("./commands/network-inspect.ts")).networkInspect,
  },
  {
    names: ["network ls", "network list"],
    summary: "List networks",
    load: async () => (await import("./commands/network-ls.ts")).networkLs,
  },
  {
    names: ["network prune"],
    summary: "Remove all unused networks",
    load: async () => (await import("./commands/network-prune.ts")).networkPrune,
  },
  {
    names: ["network rm", "network remove"],
    summary: "Remove one or more networks",
    load: async () => (await import("./commands/network-rm.ts")).networkRm,
  },
  {
    names: ["secret create"],
    summary: "Create a secret from a file or STDIN",
    load: async () => (await import("./commands/secret-create.ts")).secretCreate,
  },
  {
    names: ["secret exists"],
    summary: "Check if a secret exists",
    load: async () => (await import("./commands/secret-exists.ts")).secretExists,
  },
  {
    names: ["secret inspect"],
    summary: "Display detailed information on one or more secrets",
    load: async () => (await import("./commands/secret-inspect.ts")).secretInspect,
  },
  {
    names: ["secret ls", "secret list"],
    summary: "List secrets",
    load: async () => (await import("./commands/secret-ls.ts")).secretLs,
  },
  {
    names: ["secret rm", "secret remove"],
    summary: "Remove one or more secrets",
    load: async () => (await import("./commands/secret-rm.ts")).secretRm,
  },
  {
    names: ["pod create"],
    summary: "Create a pod: containers that share namespaces",
    load: async () => (await import("./commands/pod-create.ts")).podCreate,
  },
  {
    names: ["pod exists"],
    summary: "Check whether a pod exists",
    load: async () => (await import("./commands/pod-inspect.ts")).podExists,
  },
  {
    names: ["pod inspect"],
    summary: "Display detailed information on one or more pods",
    load: async () => (await import("./commands/pod-inspect.ts")).podInspect,
  },
  {
    names: ["pod kill"],
    summary: "Send a signal to the containers of one or more pods",
    load: async () => (await import("./commands/pod-actions.ts")).podKill,
  },
  {
    names: ["pod logs"],
    summary: "Fetch the logs of the containers of a pod",
    load: async () => (await import("./commands/pod-logs.ts")).podLogs,
  },
  {
    names: ["pod ls", "pod list", "pod ps"],
    summary: "List pods",
    load: async () => (await import("./commands/pod-ls.ts")).podLs,
  },
  {
    names: ["pod pause"],
    summary: "Pause the containers of one or more pods",
    load: async () => (await import("./commands/pod-actions.ts")).podPause,
  },
  {
    names: ["pod prune"],
    summary: "Remove all stopped pods",
    load: async () => (await import("./commands/pod-rm.ts")).podPrune,
  },
  {
    names: ["pod restart"],
    summary: "Restart one or more pods",
    load: async () => (await import("./commands/pod-actions.ts")).podRestart,
  },
  {
    names: ["pod rm", "pod remove"],
    summary: "Remove one or more pods, with their containers",
    load: async () => (await import("./commands/pod-rm.ts")).podRm,
  },
  {
    names: ["pod start"],
    summary: "Start one or more pods",
    load: async () => (await import("./commands/pod-actions.ts")).podStart,
  },
  {
    names: ["pod stats"],
    summary: "Display a live stream of the resource usage of pods",
    load: async () => (await import("./commands/pod-top.ts")).podStats,
  },
  {
    names: ["pod stop"],
    summary: "Stop one or more pods",
    load: async () => (await import("./commands/pod-actions.ts")).podStop,
  },
  {
    names: ["pod top"],
    summary: "Display the running processes of a pod",
    load: async () => (await import("./commands/pod-top.ts")).podTop,
  },
  {
    names: ["pod unpause"],
    summary: "Unpause the containers of one or more pods",
    load: async () => (await import("./commands/pod-actions.ts")).podUnpause,
  },
  {
    names: ["container port", "port"],
    summary: "List port mappings or a specific mapping for the container",
    load: async () => (await import("./commands/port.ts")).port,
  },
  {
    names: ["volume create"],
    summary: "Create a volume",
    load: async () => (await import("./commands/volume-create.ts")).volumeCreate,
  },
  {
    names: ["volume inspect"],
    summary: "Display detailed information on one or more volumes",
    load: async () => (await import("./commands/volume-inspect.ts")).volumeInspect,
  },
  {
    names: ["volume ls", "volume list"],
    summary: "List volumes",
    load: async () => (await import("./commands/volume-ls.ts")).volumeLs,
  },
  {
    names: ["volume prune"],
    summary: "Remove unused local volumes",
    load: async () => (await import("./commands/volume-prune.ts")).volumePrune,
  },
  {
    names: ["volume rm", "volume remove"],
    summary: "Remove one or more volumes",
    load: async () => (await import("./commands/volume-rm.ts")).volumeRm,
  },
  {
    names: ["system check"],
    summary: "Look for anything left over or out of order in the engine's roots",
    load: async () => (await import("./commands/system.ts")).check,
  },
  {
    names: ["system repair"],
    summary: "Make new records for a data root whose state.db is lost or damaged",
    load: async () => (await import("./commands/system-repair.ts")).systemRepair,
  },
  {
    names: ["system settle"],
    summary: "Wait until everything that was removed is gone from the kernel and the disk",
    load: async () => (await import("./commands/system.ts")).settle,
  },
  {
    names: ["storage bench"],
    summary: "Measure the storage drivers on this machine, side by side",
    load: async () => (await import("./commands/storage-bench.ts")).storageBench,
  },
  {
    names: ["daemon stop"],
    summary: "Stop the daemon; containers go on running",
    load: async () => (await import("./commands/daemon-stop.ts")).daemonStop,
  },
  {
    names: ["completion"],
    summary: "Print the completion script for a shell",
    load: async () => (await import("./commands/completion.ts")).completion,
  },
  {
    names: ["help"],
    summary: "Show help about a command",
    load: async () => (await import("./commands/help.ts")).help,
  },
  {
    names: ["__complete"],
    summary: "List the words that can come next",
    isHidden: true,
    load: async () => (await import("./commands/complete.ts")).complete,
  },
];

/** Every command. Nothing but the one that is used is ever loaded. */
export const commands: CommandTree = { entries, groups, later };
