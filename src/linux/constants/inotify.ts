// inotify(7)
export const IN_MODIFY = 2;
export const IN_NONBLOCK = 0o4000;
export const IN_CLOEXEC = 0o2000000;
