import { usualCommands } from "./usual-commands.ts";
import type { CommandEntry, CommandTree } from "./command.ts";

/** The groups of commands, with their descriptions in the help. */
const groups: CommandTree["groups"] = {
  builder: "Manage builds",
  container: "Manage containers",
  context: "Manage contexts: engines that clients of Docker can choose",
  image: "Manage images",
  manifest: "Manage manifest lists, which combine images of several platforms under one name",
  volume: "Manage volumes",
  network: "Manage networks",
  secret: "Manage secrets, which containers receive as files or variables",
  healthcheck: "Run health checks of containers",
  kube: "Run files of Kubernetes without a cluster",
  pod: "Manage pods: containers that share namespaces",
  system: "Manage the engine",
  storage: "Compare the storage drivers",
  daemon: "Manage the daemon",
  init: "Set up what works with Tare",
};

/** Docker's commands that come later, the groups by their name: answered as such, not as mistakes. */
const later: CommandTree["later"] = new Set("buildx checkpoint".split(" "));

const entries: readonly CommandEntry[] = [
  ...usualCommands,
  {
    names: ["image build", "build", "builder build"],
    summary: "Build an image from a Dockerfile",
    isCommon: true,
    load: async () => (await import("./build/build.ts")).build,
  },
  {
    names: ["builder du"],
    summary: "Show disk usage of the build cache",
    load: async () => (await import("./build/builder-du.ts")).builderDu,
  },
  {
    names: ["builder prune"],
    summary: "Remove build cache",
    load: async () => (await import("./build/builder-prune.ts")).builderPrune,
  },
  {
    names: ["image load", "load"],
    summary: "Load an image from a tar archive or STDIN",
    isCommon: true,
    load: async () => (await import("./image/load.ts")).load,
  },
  {
    names: ["image pull", "pull"],
    summary: "Download an image from a registry",
    isCommon: true,
    load: async () => (await import("./image/pull.ts")).pull,
  },
  {
    names: ["image push", "push"],
    summary: "Upload an image to a registry",
    isCommon: true,
    load: async () => (await import("./image/push.ts")).push,
  },
  {
    names: ["image save", "save"],
    summary: "Save one or more images to a tar archive (streamed to STDOUT by default)",
    load: async () => (await import("./image/save.ts")).save,
  },
  {
    names: ["search"],
    summary: "Search Docker Hub or a registry for images",
    isCommon: true,
    load: async () => (await import("./image/search.ts")).search,
  },
  {
    names: ["login"],
    summary: "Authenticate to a registry",
    isCommon: true,
    load: async () => (await import("./image/login.ts")).login,
  },
  {
    names: ["logout"],
    summary: "Log out from a registry",
    isCommon: true,
    load: async () => (await import("./image/logout.ts")).logout,
  },
  {
    names: ["version"],
    summary: "Show the version information",
    isCommon: true,
    load: async () => (await import("./system/version.ts")).version,
  },
  {
    names: ["system info", "info"],
    summary: "Display system-wide information",
    isCommon: true,
    load: async () => (await import("./system/info.ts")).info,
  },
  {
    names: ["container attach", "attach"],
    summary: "Attach local standard input, output, and error streams to a running container",
    load: async () => (await import("./container/attach.ts")).attach,
  },
  {
    names: ["container commit", "commit"],
    summary: "Create a new image from a container's changes",
    load: async () => (await import("./container/commit.ts")).commit,
  },
  {
    names: ["container cp", "cp"],
    summary: "Copy files/folders between a container and the local filesystem",
    load: async () => (await import("./container/cp.ts")).cp,
  },
  {
    names: ["container create", "create"],
    summary: "Create a new container",
    load: async () => (await import("./container/create.ts")).create,
  },
  {
    names: ["container diff", "diff"],
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: async () => (await import("./container/diff.ts")).diff,
  },
  {
    names: ["system events", "events"],
    summary: "Get real time events from the server",
    load: async () => (await import("./system/events.ts")).events,
  },
  {
    names: ["container export", "export"],
    summary: "Export a container's filesystem as a tar archive",
    load: async () => (await import("./container/export.ts")).exportContainer,
  },
  {
    names: ["healthcheck run"],
    summary: "Run the health check of a container now",
    load: async () => (await import("./container/healthcheck-run.ts")).healthcheckRun,
  },
  {
    names: ["image history", "history"],
    summary: "Show the history of an image",
    load: async () => (await import("./image/history.ts")).history,
  },
  {
    names: ["image import", "import"],
    summary: "Import the contents from a tarball to create a filesystem image",
    load: async () => (await import("./image/import.ts")).importImage,
  },
  {
    names: ["inspect"],
    summary: "Return low-level information on containers and images",
    load: async () => (await import("./system/inspect.ts")).inspect,
  },
  {
    names: ["container inspect"],
    summary: "Display detailed information on one or more containers",
    load: async () => (await import("./system/inspect.ts")).inspectContainers,
  },
  {
    names: ["image inspect"],
    summary: "Display detailed information on one or more images",
    load: async () => (await import("./system/inspect.ts")).inspectImages,
  },
  {
    names: ["container kill", "kill"],
    summary: "Kill one or more running containers",
    load: async () => (await import("./container/kill.ts")).kill,
  },
  {
    names: ["container logs", "logs"],
    summary: "Fetch the logs of a container",
    load: async () => (await import("./container/logs.ts")).logs,
  },
  {
    names: ["namespaces"],
    summary: "Show the kernel namespaces of containers and which containers share them",
    load: async () => (await import("./system/namespaces.ts")).namespaces,
  },
  {
    names: ["container pause", "pause"],
    summary: "Pause all processes within one or more containers",
    load: async () => (await import("./container/pause.ts")).pause,
  },
  {
    names: ["container prune"],
    summary: "Remove all stopped containers",
    load: async () => (await import("./container/prune.ts")).containerPrune,
  },
  {
    names: ["container rename", "rename"],
    summary: "Rename a container",
    load: async () => (await import("./container/rename.ts")).rename,
  },
  {
    names: ["container restart", "restart"],
    summary: "Restart one or more containers",
    load: async () => (await import("./container/stop.ts")).restart,
  },
  {
    names: ["container rm", "container remove", "rm"],
    summary: "Remove one or more containers",
    load: async () => (await import("./container/rm.ts")).rm,
  },
  {
    names: ["image prune"],
    summary: "Remove unused images",
    load: async () => (await import("./image/prune.ts")).imagePrune,
  },
  {
    names: ["image rm", "image remove", "rmi"],
    summary: "Remove one or more images",
    load: async () => (await import("./image/rmi.ts")).rmi,
  },
  {
    names: ["container start", "start"],
    summary: "Start one or more stopped containers",
    load: async () => (await import("./container/start.ts")).start,
  },
  {
    names: ["container stats", "stats"],
    summary: "Display a live stream of container(s) resource usage statistics",
    load: async () => (await import("./container/stats.ts")).stats,
  },
  {
    names: ["container stop", "stop"],
    summary: "Stop one or more running containers",
    load: async () => (await import("./container/stop.ts")).stop,
  },
  {
    names: ["image tree"],
    summary: "Show which layers images share",
    load: async () => (await import("./image/tree.ts")).imageTree,
  },
  {
    names: ["manifest annotate"],
    summary: "Add additional information to a local image manifest",
    load: async () => (await import("./manifest/annotate.ts")).manifestAnnotate,
  },
  {
    names: ["manifest create"],
    summary: "Create a local manifest list for annotating and pushing to a registry",
    load: async () => (await import("./manifest/create.ts")).manifestCreate,
  },
  {
    names: ["manifest inspect"],
    summary: "Display an image manifest, or manifest list",
    load: async () => (await import("./manifest/inspect.ts")).manifestInspect,
  },
  {
    names: ["manifest push"],
    summary: "Push a manifest list to a repository",
    load: async () => (await import("./manifest/push.ts")).manifestPush,
  },
  {
    names: ["manifest rm"],
    summary: "Delete one or more manifest lists from local storage",
    load: async () => (await import("./manifest/rm.ts")).manifestRm,
  },
  {
    names: ["image tag", "tag"],
    summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    load: async () => (await import("./image/tag.ts")).tag,
  },
  {
    names: ["container top", "top"],
    summary: "Display the running processes of a container",
    load: async () => (await import("./container/top.ts")).top,
  },
  {
    names: ["container unpause", "unpause"],
    summary: "Unpause all processes within one or more containers",
    load: async () => (await import("./container/unpause.ts")).unpause,
  },
  {
    names: ["container update", "update"],
    summary: "Update configuration of one or more containers",
    load: async () => (await import("./container/update.ts")).update,
  },
  {
    names: ["container wait", "wait"],
    summary: "Block until one or more containers stop, then print their exit codes",
    load: async () => (await import("./container/wait.ts")).wait,
  },
  {
    names: ["system df"],
    summary: "Show disk usage of the engine",
    load: async () => (await import("./system/df.ts")).systemDf,
  },
  {
    names: ["system prune"],
    summary: "Remove unused data",
    load: async () => (await import("./system/prune.ts")).systemPrune,
  },
  {
    names: ["network connect"],
    summary: "Connect a container to a network",
    load: async () => (await import("./network/connect.ts")).networkConnect,
  },
  {
    names: ["network create"],
    summary: "Create a network",
    load: async () => (await import("./network/create.ts")).networkCreate,
  },
  {
    names: ["network disconnect"],
    summary: "Disconnect a container from a network",
    load: async () => (await import("./network/connect.ts")).networkDisconnect,
  },
  {
    names: ["network inspect"],
    summary: "Display detailed information on one or more networks",
    load: async () => (await import("./network/inspect.ts")).networkInspect,
  },
  {
    names: ["network ls", "network list"],
    summary: "List networks",
    load: async () => (await import("./network/ls.ts")).networkLs,
  },
  {
    names: ["network prune"],
    summary: "Remove all unused networks",
    load: async () => (await import("./network/prune.ts")).networkPrune,
  },
  {
    names: ["network rm", "network remove"],
    summary: "Remove one or more networks",
    load: async () => (await import("./network/rm.ts")).networkRm,
  },
  {
    names: ["secret create"],
    summary: "Create a secret from a file or STDIN",
    load: async () => (await import("./secret/create.ts")).secretCreate,
  },
  {
    names: ["secret exists"],
    summary: "Check if a secret exists",
    load: async () => (await import("./secret/exists.ts")).secretExists,
  },
  {
    names: ["secret inspect"],
    summary: "Display detailed information on one or more secrets",
    load: async () => (await import("./secret/inspect.ts")).secretInspect,
  },
  {
    names: ["secret ls", "secret list"],
    summary: "List secrets",
    load: async () => (await import("./secret/ls.ts")).secretLs,
  },
  {
    names: ["secret rm", "secret remove"],
    summary: "Remove one or more secrets",
    load: async () => (await import("./secret/rm.ts")).secretRm,
  },
  {
    names: ["kube play"],
    summary: "Create pods, volumes and secrets from a file of Kubernetes",
    load: async () => (await import("./kube/play.ts")).kubePlay,
  },
  {
    names: ["kube down"],
    summary: "Remove the pods and secrets of a file of Kubernetes",
    load: async () => (await import("./kube/down.ts")).kubeDown,
  },
  {
    names: ["kube generate"],
    summary: "Print a file of Kubernetes for containers, pods and volumes",
    load: async () => (await import("./kube/generate.ts")).kubeGenerate,
  },
  {
    names: ["pod create"],
    summary: "Create a pod: containers that share namespaces",
    load: async () => (await import("./pod/create.ts")).podCreate,
  },
  {
    names: ["pod exists"],
    summary: "Check whether a pod exists",
    load: async () => (await import("./pod/inspect.ts")).podExists,
  },
  {
    names: ["pod inspect"],
    summary: "Display detailed information on one or more pods",
    load: async () => (await import("./pod/inspect.ts")).podInspect,
  },
  {
    names: ["pod kill"],
    summary: "Send a signal to the containers of one or more pods",
    load: async () => (await import("./pod/actions.ts")).podKill,
  },
  {
    names: ["pod logs"],
    summary: "Fetch the logs of the containers of a pod",
    load: async () => (await import("./pod/logs.ts")).podLogs,
  },
  {
    names: ["pod ls", "pod list", "pod ps"],
    summary: "List pods",
    load: async () => (await import("./pod/ls.ts")).podLs,
  },
  {
    names: ["pod pause"],
    summary: "Pause the containers of one or more pods",
    load: async () => (await import("./pod/actions.ts")).podPause,
  },
  {
    names: ["pod prune"],
    summary: "Remove all stopped pods",
    load: async () => (await import("./pod/rm.ts")).podPrune,
  },
  {
    names: ["pod restart"],
    summary: "Restart one or more pods",
    load: async () => (await import("./pod/actions.ts")).podRestart,
  },
  {
    names: ["pod rm", "pod remove"],
    summary: "Remove one or more pods, with their containers",
    load: async () => (await import("./pod/rm.ts")).podRm,
  },
  {
    names: ["pod start"],
    summary: "Start one or more pods",
    load: async () => (await import("./pod/actions.ts")).podStart,
  },
  {
    names: ["pod stats"],
    summary: "Display a live stream of the resource usage of pods",
    load: async () => (await import("./pod/top.ts")).podStats,
  },
  {
    names: ["pod stop"],
    summary: "Stop one or more pods",
    load: async () => (await import("./pod/actions.ts")).podStop,
  },
  {
    names: ["pod top"],
    summary: "Display the running processes of a pod",
    load: async () => (await import("./pod/top.ts")).podTop,
  },
  {
    names: ["pod unpause"],
    summary: "Unpause the containers of one or more pods",
    load: async () => (await import("./pod/actions.ts")).podUnpause,
  },
  {
    names: ["container port", "port"],
    summary: "List port mappings or a specific mapping for the container",
    load: async () => (await import("./container/port.ts")).port,
  },
  {
    names: ["volume create"],
    summary: "Create a volume",
    load: async () => (await import("./volume/create.ts")).volumeCreate,
  },
  {
    names: ["volume inspect"],
    summary: "Display detailed information on one or more volumes",
    load: async () => (await import("./volume/inspect.ts")).volumeInspect,
  },
  {
    names: ["volume ls", "volume list"],
    summary: "List volumes",
    load: async () => (await import("./volume/ls.ts")).volumeLs,
  },
  {
    names: ["volume prune"],
    summary: "Remove unused local volumes",
    load: async () => (await import("./volume/prune.ts")).volumePrune,
  },
  {
    names: ["volume rm", "volume remove"],
    summary: "Remove one or more volumes",
    load: async () => (await import("./volume/rm.ts")).volumeRm,
  },
  {
    names: ["system check"],
    summary: "Check the engine's records, roots and networks for leftovers and inconsistencies",
    load: async () => (await import("./system/system.ts")).check,
  },
  {
    names: ["system doctor", "doctor"],
    summary: "Check whether this host has what Tare needs, and show how to fix it",
    load: async () => (await import("./system/doctor.ts")).doctor,
  },
  {
    names: ["system install"],
    summary: "Install the systemd service, its group, man pages and completion scripts",
    load: async () => (await import("./system/install.ts")).install,
  },
  {
    names: ["system uninstall"],
    summary: "Remove the systemd service, man pages and completion scripts",
    load: async () => (await import("./system/install.ts")).uninstall,
  },
  {
    names: ["system repair"],
    summary: "Rebuild the records of a data root whose state.db is lost or damaged",
    load: async () => (await import("./system/repair.ts")).systemRepair,
  },
  {
    names: ["system dial-stdio"],
    summary: "Connect the standard streams with the daemon's socket",
    isHidden: true,
    load: async () => (await import("./system/dial-stdio.ts")).dialStdio,
  },
  {
    names: ["system settle"],
    summary: "Wait for background removal in the kernel and on the disk",
    load: async () => (await import("./system/system.ts")).settle,
  },
  {
    names: ["storage bench"],
    summary: "Benchmark the storage drivers on this machine",
    load: async () => (await import("./system/storage-bench.ts")).storageBench,
  },
  {
    names: ["daemon"],
    summary: "Run the daemon in the foreground",
    load: async () => (await import("./system/daemon.ts")).daemon,
  },
  {
    names: ["daemon stop"],
    summary: "Stop the daemon; containers keep running",
    load: async () => (await import("./system/daemon-stop.ts")).daemonStop,
  },
  {
    names: ["context create"],
    summary: "Create a context",
    load: async () => (await import("./docker/context-edit.ts")).contextCreate,
  },
  {
    names: ["context export"],
    summary: "Export a context to a tar archive FILE or a tar stream on STDOUT",
    load: async () => (await import("./docker/context-archive.ts")).contextExport,
  },
  {
    names: ["context import"],
    summary: "Import a context from a tar archive",
    load: async () => (await import("./docker/context-archive.ts")).contextImport,
  },
  {
    names: ["context inspect"],
    summary: "Display detailed information on one or more contexts",
    load: async () => (await import("./docker/context-ls.ts")).contextInspect,
  },
  {
    names: ["context ls", "context list"],
    summary: "List contexts",
    load: async () => (await import("./docker/context-ls.ts")).contextLs,
  },
  {
    names: ["context rm", "context remove"],
    summary: "Remove one or more contexts",
    load: async () => (await import("./docker/context-use.ts")).contextRm,
  },
  {
    names: ["context show"],
    summary: "Print the name of the current context",
    load: async () => (await import("./docker/context-ls.ts")).contextShow,
  },
  {
    names: ["context update"],
    summary: "Update a context",
    load: async () => (await import("./docker/context-edit.ts")).contextUpdate,
  },
  {
    names: ["context use"],
    summary: "Set the current docker context",
    load: async () => (await import("./docker/context-use.ts")).contextUse,
  },
  {
    names: ["compose"],
    summary: "Run Docker Compose with this engine",
    load: async () => (await import("./docker/compose.ts")).compose,
  },
  {
    names: ["init docker"],
    summary: "Make the docker command use this engine",
    load: async () => (await import("./docker/init-docker.ts")).initDocker,
  },
  {
    names: ["completion"],
    summary: "Print the completion script for a shell",
    load: async () => (await import("./system/completion.ts")).completion,
  },
  {
    names: ["help"],
    summary: "Show help about a command",
    load: async () => (await import("./system/help.ts")).help,
  },
  {
    names: ["__complete"],
    summary: "List the words that can come next",
    isHidden: true,
    load: async () => (await import("./system/complete.ts")).complete,
  },
];

/** Every command. Nothing but the one that is used is ever loaded. */
export const commands: CommandTree = { entries, groups, later };
