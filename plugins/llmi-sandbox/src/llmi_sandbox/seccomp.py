"""A seccomp filter: of the kernel's calls, those that drawing a chart needs are allowed, the rest refused.

What it must hold even where namespaces are forbidden (containers): no sockets, no new processes or programs, no
signals to others, no limits, priorities or processors set for others, no objects that outlive the run (System V,
POSIX queues), no links, and nothing done to a file that the oldest Landlock does not guard (truncation, mode, owner,
times, attributes). A call that this list does not know is refused.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from llmi_sandbox.linux import syscall

_MODE_FILTER = 1
_TO_ALL_THREADS = 1
_CLONE_THREAD = 0x00010000

_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT = 0, 4, 16, 24, 32
_HIGH_HALF = 4
_ALL_BITS = 0xFFFFFFFF
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_REFUSE = _ERRNO | errno.EPERM
_UNKNOWN = _ERRNO | errno.ENOSYS
_X32 = 0x40000000
_NEWEST = 424
"""From this number on, the same everywhere: libc falls back on an older call if told that there is none."""

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""The column in the lists below, and what the kernel calls the architecture."""

# name:x86_64:aarch64, numbers of linux/unistd.h: files, memory, threads, clocks, signals to itself, questions.
_ALLOWED = """
read:0:63 write:1:64 close:3:57 stat:4:- fstat:5:80 lstat:6:- newfstatat:262:79
statx:332:291 lseek:8:62 pread64:17:67 pwrite64:18:68 readv:19:65 writev:20:66 preadv:295:69
pwritev:296:70 preadv2:327:286 pwritev2:328:287 access:21:- faccessat:269:48 faccessat2:439:439
dup:32:23 dup2:33:- dup3:292:24 pipe:22:- pipe2:293:59 getdents:78:-
getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50 rename:82:- renameat:264:38
renameat2:316:276 mkdir:83:- mkdirat:258:34 rmdir:84:- unlink:87:- unlinkat:263:35 readlink:89:-
readlinkat:267:78 ftruncate:77:46 fallocate:285:47 fsync:74:82 fdatasync:75:83
flock:73:32 fadvise64:221:223 sendfile:40:71 copy_file_range:326:285 statfs:137:43
fstatfs:138:44 umask:95:166 poll:7:- ppoll:271:73 select:23:- pselect6:270:72
close_range:436:436
mmap:9:222 munmap:11:215 mprotect:10:226 mremap:25:216 madvise:28:233 brk:12:214 mincore:27:232
msync:26:227 membarrier:324:283
futex:202:98 set_robust_list:273:99 rseq:334:293 set_tid_address:218:96 sched_yield:24:124
sched_getaffinity:204:123 sched_getparam:143:121 sched_getscheduler:145:120 getcpu:309:168
gettid:186:178 exit:60:93 exit_group:231:94 restart_syscall:219:128
clock_gettime:228:113 clock_getres:229:114 clock_nanosleep:230:115 nanosleep:35:101
gettimeofday:96:169 time:201:- getitimer:36:102 setitimer:38:103 alarm:37:- pause:34:-
times:100:153 getrusage:98:165
rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 rt_sigpending:127:136
rt_sigtimedwait:128:137 rt_sigsuspend:130:133 sigaltstack:131:132
getpid:39:172 getppid:110:173 getpgid:121:155 getpgrp:111:- getsid:124:156 getuid:102:174
geteuid:107:175 getgid:104:176 getegid:108:177 getresuid:118:148 getresgid:120:150
getgroups:115:158 capget:125:90 uname:63:160 sysinfo:99:179 getrandom:318:278 eventfd2:290:19
wait4:61:260 waitid:247:95
"""
# They report success and do nothing: Landlock does not guard who owns a file, its mode and times.
_IDLE = """
chmod:90:- fchmod:91:52 fchmodat:268:53 fchmodat2:452:452 chown:92:- fchown:93:55 lchown:94:-
fchownat:260:54 utime:132:- utimes:235:- utimensat:280:88 futimesat:261:- setxattr:188:5
lsetxattr:189:6 fsetxattr:190:7 removexattr:197:14 lremovexattr:198:15 fremovexattr:199:16
setxattrat:463:463 removexattrat:466:466
"""
_CALLS = (
    "seccomp:317:277 clone:56:220 tgkill:234:131 prlimit64:302:261 fcntl:72:25 ioctl:16:29 prctl:157:167 "
    "open:2:- openat:257:56"
)

# fcntl: F_SETOWN F_SETSIG F_SETOWN_EX, by which the kernel signals any process of the user.
_SIGNALS_BY_FILE = (8, 10, 15)
# open: O_TRUNC without write access, and the access mode of 3: Landlock takes it for neither reading nor writing.
_ACCESS = 3
_HOW_TO_OPEN = os.O_TRUNC | _ACCESS
_UNGUARDED_OPENING = (os.O_RDONLY | os.O_TRUNC, _ACCESS, _ACCESS | os.O_TRUNC)
_FLAGS_OF_OPENING = {"open": _SECOND_ARGUMENT, "openat": _THIRD_ARGUMENT}
# ioctl: TCGETS TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
_QUESTIONS_TO_FILES = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# prctl: PR_GET_NAME PR_SET_NAME PR_SET_VMA
_OWN_NAMES = (15, 16, 0x53564D41)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def restrict() -> None:
    """Filter this process and its threads from here on. Needs `no_new_privs`. Raises OSError."""
    if platform.machine() not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no system call table for {platform.machine()}")
    column, audit = _MACHINES[platform.machine()]
    # the process number as this process sees it: 1 in a namespace of its own
    code = _compile(column, audit, os.getpid())
    number = _numbers(_CALLS, column)["seccomp"]
    syscall(number, _MODE_FILTER, _TO_ALL_THREADS, _Program(len(code) // 8, code))


def _numbers(calls: str, column: int) -> dict[str, int]:
    """The system calls of a list that this architecture has, by name."""
    rows = [call.split(":") for call in calls.split()]
    return {row[0]: int(row[column + 1]) for row in rows if row[column + 1] != "-"}


def _compile(column: int, audit: int, pid: int) -> bytes:
    named = _numbers(_CALLS, column)
    parts = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, audit, skip_if=1),
        _answer(_KILL),
        _step(_LOAD, _NUMBER),
        *(_when(number, _ALLOW) for number in _numbers(_ALLOWED, column).values()),
        *(_when(number, _ERRNO) for number in _numbers(_IDLE, column).values()),
        _unless(named["clone"], _FIRST_ARGUMENT, _HAS_BITS, _CLONE_THREAD),
        _unless(named["tgkill"], _FIRST_ARGUMENT, _EQUAL, pid),
        _unless(named["ioctl"], _SECOND_ARGUMENT, _EQUAL, *_QUESTIONS_TO_FILES),
        _unless(named["prctl"], _FIRST_ARGUMENT, _EQUAL, *_OWN_NAMES),
        _unless(named["prlimit64"], _FIRST_ARGUMENT + _HIGH_HALF, _EQUAL, 0, then=None),
        _unless(named["prlimit64"], _FIRST_ARGUMENT, _EQUAL, 0, pid),
        _but_for(named["fcntl"], _SECOND_ARGUMENT, _ALL_BITS, *_SIGNALS_BY_FILE),
        *(
            _but_for(named[call], flags, _HOW_TO_OPEN, *_UNGUARDED_OPENING)
            for call, flags in _FLAGS_OF_OPENING.items()
            if call in named
        ),
        _step(_AT_LEAST, _X32, skip_if=2),
        _step(_AT_LEAST, _NEWEST, skip_else=1),
        _answer(_UNKNOWN),
        _answer(_REFUSE),
    ]
    return b"".join(parts)


def _step(code: int, value: int, skip_if: int = 0, skip_else: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if, skip_else, value)


def _answer(value: int) -> bytes:
    return _step(_RETURN, value)


def _when(number: int, answer: int) -> bytes:
    return _step(_EQUAL, number, skip_else=1) + _answer(answer)


def _unless(
    number: int, argument: int, test: int, *values: int, then: int | None = _ALLOW
) -> bytes:
    """Refuse call `number` unless its argument passes the test with one of the values.

    One that passes gets the answer `then`; with None, what follows decides.
    """
    after = _step(_LOAD, _NUMBER) if then is None else _answer(then)
    tests = [
        _step(test, value, skip_if=left)
        for left, value in zip(range(len(values), 0, -1), values, strict=True)
    ]
    return b"".join(
        (
            _step(_EQUAL, number, skip_else=len(tests) + 3),
            _step(_LOAD, argument),
            *tests,
            _answer(_REFUSE),
            after,
        )
    )


def _but_for(number: int, argument: int, mask: int, *values: int) -> bytes:
    """Allow call `number` unless its argument, under the mask, is one of the values."""
    steps = (
        _step(_LOAD, argument),
        _step(_AND, mask),
        *(_when(value, _REFUSE) for value in values),
        _answer(_ALLOW),
    )
    body = b"".join(steps)
    return _step(_EQUAL, number, skip_else=len(body) // 8) + body
