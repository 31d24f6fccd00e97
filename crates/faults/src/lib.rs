//! Injects faults between a program and the file system, for `cargo xtask crash` on Linux. Loaded with `LD_PRELOAD`, it
//! replaces the C functions with which Rust's standard library reads and writes files and starts threads.
//!
//! - `BITNPZ_FAULTS_FOLDER`: faults apply only to files below this folder.
//! - `BITNPZ_FAULTS`: `CLASS:N:ERRNO` fails the N-th call of a class, `any:N:kill` kills the process before the N-th call of
//!   any class, `write:0:half` makes every call write half of what it was given.
//! - `BITNPZ_FAULTS_LOG`: a file to which every call that changes a file is appended, with its data.

#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "replaces functions of the C library")]
#![allow(clippy::missing_safety_doc, reason = "each function has the contract of the one it replaces")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::Write;
use std::mem::transmute;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

/// The fault to inject, from the environment.
struct Plan {
    folder: String,
    class: String,
    number: i64,
    action: Action,
    log: Option<i64>,
}

enum Action {
    Nothing,
    Fail(c_int),
    Kill,
    Half,
}

static CALLS: AtomicI64 = AtomicI64::new(0);

fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let fault = variable("BITNPZ_FAULTS");
        let parts: Vec<&str> = fault.split(':').collect();
        let action = match parts.get(2) {
            Some(&"kill") => Action::Kill,
            Some(&"half") => Action::Half,
            Some(errno) => errno.parse().map_or(Action::Nothing, Action::Fail),
            None => Action::Nothing,
        };
        let log = std::env::var("BITNPZ_FAULTS_LOG").ok().and_then(|path| std::ffi::CString::new(path).ok());
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND;
        // SAFETY: the path ends with NUL.
        let log = log.map(|path| unsafe {
            libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600)
        });
        Plan {
            folder: variable("BITNPZ_FAULTS_FOLDER"),
            class: parts.first().map_or(String::new(), |class| (*class).to_owned()),
            number: parts.get(1).and_then(|number| number.parse().ok()).unwrap_or(0),
            action,
            log,
        }
    })
}

impl Plan {
    /// Returns whether faults apply to a path.
    fn applies(&self, path: &str) -> bool {
        !self.folder.is_empty() && path.starts_with(&self.folder)
    }

    /// Counts a call and returns whether it has to fail. Kills the process if that is the plan.
    fn fails(&self, class: &str) -> bool {
        if self.class != class && self.class != "any" {
            return false;
        }
        let is_it = CALLS.fetch_add(1, Ordering::SeqCst) + 1 == self.number;
        match self.action {
            Action::Kill if is_it => {
                // SAFETY: these have no preconditions.
                unsafe { libc::syscall(libc::SYS_kill, libc::getpid(), libc::SIGKILL) };
                true
            }
            Action::Fail(errno) if is_it => {
                self.log("failed\n");
                // SAFETY: this is the address of this thread's error number.
                unsafe { *libc::__errno_location() = errno };
                true
            }
            _ => false,
        }
    }

    /// The error number of the call that fails.
    fn errno(&self) -> c_int {
        if let Action::Fail(errno) = self.action { errno } else { 0 }
    }

    fn log(&self, line: &str) {
        if let Some(log) = self.log {
            // SAFETY: the pointer and the length are those of the line.
            unsafe { libc::syscall(libc::SYS_write, log, line.as_ptr(), line.len()) };
        }
    }
}

/// Returns the path of an open file, or what the system shows for an unnamed one, with spaces replaced.
fn path_of(file: c_int) -> String {
    std::fs::read_link(format!("/proc/self/fd/{file}"))
        .map_or(String::new(), |path| path.to_string_lossy().replace(' ', "_"))
}

/// Copies a path from a C string.
unsafe fn text(path: *const c_char) -> String {
    // SAFETY: the caller passes a string that ends with NUL.
    unsafe { CStr::from_ptr(path) }.to_string_lossy().into_owned()
}

/// `open`: class `open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: the caller upholds the contract of the C function.
    let name = unsafe { text(path) };
    let plan = plan();
    if plan.applies(&name) && plan.fails("open") {
        return -1;
    }
    // SAFETY: the caller upholds the contract of the C function.
    let file = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) };
    if plan.applies(&name) && file >= 0 && flags & libc::O_CREAT != 0 {
        plan.log(&format!("create {name}\n"));
    }
    if plan.applies(&name) && file >= 0 && flags & libc::O_TMPFILE == libc::O_TMPFILE {
        plan.log(&format!("create {}\n", path_of(c_int::try_from(file).unwrap_or(-1))));
    }
    c_int::try_from(file).unwrap_or(-1)
}

/// `write`: class `write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(file: c_int, bytes: *const c_void, len: usize) -> isize {
    let (plan, path) = (plan(), path_of(file));
    let mut len = len;
    if plan.applies(&path) {
        if plan.fails("write") {
            return -1;
        }
        if matches!(plan.action, Action::Half) {
            len = len.div_ceil(2);
        }
        if plan.log.is_some() {
            // SAFETY: the caller passes a buffer of at least `len` bytes.
            let data = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), len) };
            // SAFETY: this only queries the position.
            let offset = unsafe { libc::syscall(libc::SYS_lseek, file, 0, libc::SEEK_CUR) };
            let mut line = format!("write {path} {offset} ");
            for byte in data {
                let _ = write!(line, "{byte:02x}");
            }
            line.push('\n');
            plan.log(&line);
        }
    }
    // SAFETY: the caller upholds the contract of the C function.
    isize::try_from(unsafe { libc::syscall(libc::SYS_write, file, bytes, len) }).unwrap_or(-1)
}

/// `fsync`: class `fsync`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(file: c_int) -> c_int {
    let (plan, path) = (plan(), path_of(file));
    if plan.applies(&path) {
        if plan.fails("fsync") {
            return -1;
        }
        plan.log(&format!("fsync {path}\n"));
    }
    // SAFETY: the caller upholds the contract of the C function.
    c_int::try_from(unsafe { libc::syscall(libc::SYS_fsync, file) }).unwrap_or(-1)
}

/// `rename`: class `rename`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller upholds the contract of the C function.
    let (old, new) = unsafe { (text(from), text(to)) };
    let plan = plan();
    if plan.applies(&new) {
        if plan.fails("rename") {
            return -1;
        }
        plan.log(&format!("rename {old} {new}\n"));
    }
    // SAFETY: the caller upholds the contract of the C function.
    let done = unsafe { libc::syscall(libc::SYS_renameat, libc::AT_FDCWD, from, libc::AT_FDCWD, to) };
    c_int::try_from(done).unwrap_or(-1)
}

/// `linkat` of an open file: class `link`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    old_folder: c_int,
    from: *const c_char,
    new_folder: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller upholds the contract of the C function.
    let (old, new) = unsafe { (text(from), text(to)) };
    let plan = plan();
    if plan.applies(&new) && plan.fails("link") {
        return -1;
    }
    // SAFETY: the caller upholds the contract of the C function.
    let done = unsafe { libc::syscall(libc::SYS_linkat, old_folder, from, new_folder, to, flags) };
    if plan.applies(&new) && done == 0 {
        let old = old.rsplit('/').next().and_then(|file| file.parse().ok()).map_or(old.clone(), path_of);
        plan.log(&format!("link {old} {new}\n"));
    }
    c_int::try_from(done).unwrap_or(-1)
}

/// `unlink`: class `unlink`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller upholds the contract of the C function.
    let name = unsafe { text(path) };
    let plan = plan();
    if plan.applies(&name) {
        if plan.fails("unlink") {
            return -1;
        }
        plan.log(&format!("unlink {name}\n"));
    }
    // SAFETY: the caller upholds the contract of the C function.
    c_int::try_from(unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) }).unwrap_or(-1)
}

/// `lseek`: class `seek`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lseek64(file: c_int, offset: i64, whence: c_int) -> i64 {
    if plan().applies(&path_of(file)) && plan().fails("seek") {
        return -1;
    }
    // SAFETY: the caller upholds the contract of the C function.
    unsafe { libc::syscall(libc::SYS_lseek, file, offset, whence) }
}

/// `fchmod`: class `chmod`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fchmod(file: c_int, mode: libc::mode_t) -> c_int {
    if plan().applies(&path_of(file)) && plan().fails("chmod") {
        return -1;
    }
    // SAFETY: the caller upholds the contract of the C function.
    c_int::try_from(unsafe { libc::syscall(libc::SYS_fchmod, file, mode) }).unwrap_or(-1)
}

/// `flock`: class `lock`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flock(file: c_int, operation: c_int) -> c_int {
    if plan().applies(&path_of(file)) && plan().fails("lock") {
        return -1;
    }
    // SAFETY: the caller upholds the contract of the C function.
    c_int::try_from(unsafe { libc::syscall(libc::SYS_flock, file, operation) }).unwrap_or(-1)
}

/// `read`: class `read`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(file: c_int, bytes: *mut c_void, len: usize) -> isize {
    if plan().applies(&path_of(file)) && plan().fails("read") {
        return -1;
    }
    // SAFETY: the caller upholds the contract of the C function.
    isize::try_from(unsafe { libc::syscall(libc::SYS_read, file, bytes, len) }).unwrap_or(-1)
}

/// `mmap` of a file: class `mmap`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(
    address: *mut c_void,
    len: usize,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: i64,
) -> *mut c_void {
    if file >= 0 && plan().applies(&path_of(file)) && plan().fails("mmap") {
        return libc::MAP_FAILED;
    }
    // SAFETY: the caller upholds the contract of the C function.
    unsafe { libc::syscall(libc::SYS_mmap, address, len, protection, flags, file, offset) as *mut c_void }
}

/// `statx`: class `stat`. The path may be null; it is empty for an open file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn statx(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mask: libc::c_uint,
    found: *mut libc::statx,
) -> c_int {
    // SAFETY: the caller upholds the contract of the C function.
    let name = if path.is_null() { String::new() } else { unsafe { text(path) } };
    let name = if name.is_empty() && folder >= 0 { path_of(folder) } else { name };
    if plan().applies(&name) && plan().fails("stat") {
        return -1;
    }
    // SAFETY: the caller upholds the contract of the C function.
    c_int::try_from(unsafe { libc::syscall(libc::SYS_statx, folder, path, flags, mask, found) }).unwrap_or(-1)
}

/// `realpath`: class `stat`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char {
    type Realpath = unsafe extern "C" fn(*const c_char, *mut c_char) -> *mut c_char;
    // SAFETY: the caller upholds the contract of the C function.
    if plan().applies(&unsafe { text(path) }) && plan().fails("stat") {
        return ptr::null_mut();
    }
    // SAFETY: the name ends with NUL, and the C library's function of that name has this type.
    let next =
        unsafe { transmute::<*mut c_void, Realpath>(libc::dlsym(libc::RTLD_NEXT, c"realpath".as_ptr())) };
    // SAFETY: the caller upholds the contract of the C function.
    unsafe { next(path, resolved) }
}

/// The function that a thread runs.
type Routine = extern "C" fn(*mut c_void) -> *mut c_void;

/// `pthread_create`: class `thread`. Returns the error number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    type PthreadCreate = unsafe extern "C" fn(
        *mut libc::pthread_t,
        *const libc::pthread_attr_t,
        Routine,
        *mut c_void,
    ) -> c_int;
    let plan = plan();
    if plan.class == "thread" && plan.fails("thread") {
        return plan.errno();
    }
    // SAFETY: the name ends with NUL, and the C library's function of that name has this type.
    let next = unsafe {
        transmute::<*mut c_void, PthreadCreate>(libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr()))
    };
    // SAFETY: the caller upholds the contract of the C function.
    unsafe { next(thread, attributes, routine, argument) }
}
