/** Calls by which argument is a path (or another name) that a person would recognize them by: 0 to 5. */
const byArgument: readonly string[] = [
  `open creat stat stat64 lstat lstat64 oldstat oldlstat access truncate truncate64 chdir rename mkdir rmdir link
  unlink symlink symlinkat readlink chmod chown chown32 lchown lchown32 utime utimes mknod statfs statfs64 pivot_root
  chroot acct mount umount umount2 swapon swapoff uselib setxattr lsetxattr getxattr lgetxattr listxattr llistxattr
  removexattr lremovexattr execve memfd_create add_key request_key fsopen mq_open mq_unlink delete_module`,
  `openat openat2 mkdirat mknodat fchownat unlinkat renameat renameat2 linkat readlinkat fchmodat fchmodat2 faccessat
  faccessat2 utimensat utimensat_time64 futimesat newfstatat fstatat64 statx name_to_handle_at execveat open_tree
  move_mount fspick mount_setattr inotify_add_watch quotactl finit_module setxattrat getxattrat listxattrat
  removexattrat`,
  "",
  "kexec_file_load",
  "fanotify_mark",
];

/** Name of a call → the argument. */
export const textArguments: ReadonlyMap<string, number> = new Map(
  byArgument.flatMap((names, argument) =>
    names
      .split(/\s+/)
      .filter((name) => name !== "")
      .map((name) => [name, argument] as const),
  ),
);
