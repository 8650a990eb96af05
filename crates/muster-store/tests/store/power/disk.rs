//! A disk that forgets what was not synced: a layer under SQLite that notes each write until the sync after
//! it, and can say what a file might hold had the power gone at this moment.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::ffi;

const SECTOR: usize = 512;

/// Numbers from a seed (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

#[derive(Default)]
struct Noted {
    synced: Vec<u8>,
    since: Vec<Op>,
}

enum Op {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Op {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Op::Write { at, bytes } => put(file, *at, bytes),
            Op::Truncate(length) => file.resize(*length, 0),
        }
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Noted {
    /// What the disk may hold: all that was synced, and of the rest what chance left.
    fn after_power_cut(&self, dice: &mut Dice) -> Vec<u8> {
        let mut file = self.synced.clone();
        let in_order = dice.below(2) == 0;
        let whole = dice.below(self.since.len() + 1);
        for (n, op) in self.since.iter().enumerate() {
            match op {
                _ if in_order && n < whole => op.apply(&mut file),
                Op::Write { at, bytes } if in_order && n == whole => {
                    put(&mut file, *at, &bytes[..dice.below(bytes.len())]);
                }
                _ if in_order => {}
                Op::Truncate(_) if dice.below(2) == 0 => {}
                Op::Truncate(_) => op.apply(&mut file),
                Op::Write { at, bytes } => match dice.below(3) {
                    0 => {}
                    1 => op.apply(&mut file),
                    _ => by_sectors(&mut file, *at, bytes, dice),
                },
            }
        }
        file
    }
}

/// Of each sector that was written: the new, what was there before, or nothing.
fn by_sectors(file: &mut Vec<u8>, at: usize, bytes: &[u8], dice: &mut Dice) {
    let mut from = 0;
    while from < bytes.len() {
        let until = (((at + from) / SECTOR + 1) * SECTOR - at).min(bytes.len());
        match dice.below(3) {
            0 => {}
            1 => put(file, at + from, &bytes[from..until]),
            _ => put(file, at + from, &vec![0; until - from]),
        }
        from = until;
    }
}

static DISK: OnceLock<Mutex<HashMap<String, Noted>>> = OnceLock::new();

fn disk() -> MutexGuard<'static, HashMap<String, Noted>> {
    DISK.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// What each of these files may hold after the power went now: all as of one moment. `None`: it was not there.
pub fn cut_power(paths: &[String], dice: &mut Dice) -> Vec<Option<Vec<u8>>> {
    let disk = disk();
    paths.iter().map(|path| disk.get(path).map(|noted| noted.after_power_cut(dice))).collect()
}

/// How many writes of these files wait for their sync.
pub fn unsynced(paths: &[String]) -> usize {
    let disk = disk();
    paths.iter().filter_map(|path| disk.get(path)).map(|noted| noted.since.len()).sum()
}

pub fn forget(paths: &[String]) {
    let mut disk = disk();
    paths.iter().for_each(|path| drop(disk.remove(path)));
}

/// Puts the layer under every database that this process opens from now on.
pub fn install() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        // SAFETY: the default VFS is there for the whole process; the copy that is registered is leaked, so
        // that it is too, and differs only in its name, the size of its files and how they are opened.
        unsafe {
            let real = ffi::sqlite3_vfs_find(std::ptr::null());
            let mut layer = std::ptr::read(real);
            layer.pNext = std::ptr::null_mut();
            layer.zName = c"power".as_ptr();
            layer.szOsFile = size_of::<Layered>() as c_int + (*real).szOsFile;
            layer.xOpen = Some(open);
            REAL.set(Real(real)).ok();
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 1), ffi::SQLITE_OK);
        }
    });
}

struct Real(*mut ffi::sqlite3_vfs);
// SAFETY: SQLite itself uses it from all threads.
unsafe impl Send for Real {}
// SAFETY: as above.
unsafe impl Sync for Real {}
static REAL: OnceLock<Real> = OnceLock::new();

/// A file of ours; the real one lies behind it.
#[repr(C)]
struct Layered {
    base: ffi::sqlite3_file,
    /// The path of a file that is noted; null for others. Owned.
    path: *mut String,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes at `file`, which hold ours and the real one behind it, and a name
    // that ends with a zero or is null.
    unsafe {
        let layered = file.cast::<Layered>();
        (*layered).base.pMethods = std::ptr::null();
        (*layered).path = std::ptr::null_mut();
        let Some(Real(vfs)) = REAL.get() else { return ffi::SQLITE_CANTOPEN };
        let Some(real_open) = (**vfs).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = real_open(*vfs, name, real(file), flags, out);
        if code != ffi::SQLITE_OK {
            return code;
        }
        (*layered).base.pMethods = &METHODS;
        if flags & (ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_WAL) != 0 && !name.is_null() {
            let path = CStr::from_ptr(name).to_string_lossy().into_owned();
            disk().entry(path.clone()).or_insert_with(|| Noted {
                synced: std::fs::read(&path).unwrap_or_default(),
                since: Vec::new(),
            });
            (*layered).path = Box::into_raw(Box::new(path));
        }
        code
    }
}

/// The real file behind ours.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: `szOsFile` made room for both.
    unsafe { file.cast::<Layered>().add(1).cast() }
}

unsafe fn note(file: *mut ffi::sqlite3_file, f: impl FnOnce(&mut Noted)) {
    // SAFETY: `open` has set the path, and only `close` takes it.
    if let Some(path) = unsafe { (*file.cast::<Layered>()).path.as_ref() }
        && let Some(noted) = disk().get_mut(path)
    {
        f(noted);
    }
}

/// Calls the real file's method.
macro_rules! pass {
    ($file:expr, $method:ident $(, $arg:expr)*) => {{
        // SAFETY: the real file was opened by its own VFS, which set its methods.
        unsafe {
            let real = real($file);
            match (*(*real).pMethods).$method {
                Some(method) => method(real $(, $arg)*),
                None => panic!("the real file cannot do this"),
            }
        }
    }};
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: made by `open`, and freed once.
    unsafe {
        let layered = file.cast::<Layered>();
        let path = std::mem::replace(&mut (*layered).path, std::ptr::null_mut());
        if !path.is_null() {
            drop(Box::from_raw(path));
        }
    }
    pass!(file, xClose)
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, n: c_int, at: i64) -> c_int {
    pass!(file, xRead, to, n, at)
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, n: c_int, at: i64) -> c_int {
    // SAFETY: SQLite gives `n` bytes at `from`.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), n as usize) }.to_vec();
    // SAFETY: the file is open.
    unsafe { note(file, |noted| noted.since.push(Op::Write { at: at as usize, bytes })) };
    pass!(file, xWrite, from, n, at)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: the file is open.
    unsafe { note(file, |noted| noted.since.push(Op::Truncate(length as usize))) };
    pass!(file, xTruncate, length)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let code = pass!(file, xSync, flags);
    // SAFETY: the file is open. What another connection writes while this one syncs may not be on the disk, but
    // SQLite's locks let only one connection write a file at a time.
    unsafe {
        note(file, |noted| {
            for op in std::mem::take(&mut noted.since) {
                op.apply(&mut noted.synced);
            }
        });
    }
    code
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    pass!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, kind: c_int) -> c_int {
    pass!(file, xLock, kind)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, kind: c_int) -> c_int {
    pass!(file, xUnlock, kind)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    pass!(file, xCheckReservedLock, out)
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, op: c_int, arg: *mut c_void) -> c_int {
    pass!(file, xFileControl, op, arg)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    pass!(file, xShmMap, page, size, extend, out)
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, at: c_int, n: c_int, flags: c_int) -> c_int {
    pass!(file, xShmLock, at, n, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    pass!(file, xShmBarrier)
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    pass!(file, xShmUnmap, delete)
}
