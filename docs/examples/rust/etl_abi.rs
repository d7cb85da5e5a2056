//! etl/abi.h in Rust: the structs and constants that a filter needs, with their names in C. The compiler checks
//! their sizes; the C header documents the functions.

use std::os::raw::{c_char, c_int, c_void};

pub const OK: c_int = 0;
pub const CONFIG: c_int = 1;
pub const INTERNAL: c_int = 7;
pub const CANCELLED: c_int = 5;

pub const KIND_FILTER: u32 = 2;
pub const OPTION_STRING: u32 = 4;
pub const OPTION_REQUIRED: u32 = 1;
pub const ARROW_FLAG_NULLABLE: i64 = 2;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ArrowSchema {
    pub format: *const c_char,
    pub name: *const c_char,
    pub metadata: *const c_char,
    pub flags: i64,
    pub n_children: i64,
    pub children: *mut *mut ArrowSchema,
    pub dictionary: *mut ArrowSchema,
    pub release: Option<unsafe extern "C" fn(*mut ArrowSchema)>,
    pub private_data: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ArrowArray {
    pub length: i64,
    pub null_count: i64,
    pub offset: i64,
    pub n_buffers: i64,
    pub n_children: i64,
    pub buffers: *mut *const c_void,
    pub children: *mut *mut ArrowArray,
    pub dictionary: *mut ArrowArray,
    pub release: Option<unsafe extern "C" fn(*mut ArrowArray)>,
    pub private_data: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub data: *const c_char,
    pub size: usize,
}

impl Str {
    pub const fn from(text: &'static str) -> Str {
        Str { data: text.as_ptr() as *const c_char, size: text.len() }
    }
    pub const EMPTY: Str = Str::from("");
    /// Borrowed for the duration of the call.
    pub unsafe fn bytes<'call>(self) -> &'call [u8] {
        if self.size == 0 { &[] } else { std::slice::from_raw_parts(self.data as *const u8, self.size) }
    }
}

#[repr(C)]
pub struct Error {
    pub struct_size: u32,
    pub code: i32,
    pub retry_after_ms: i64,
    pub option: [u8; 64],
    pub message: [u8; 2048],
}

#[repr(C)]
pub struct OptionSpec {
    pub name: Str,
    pub help: Str,
    pub fallback: Str,
    pub allowed: Str,
    pub kind: u32,
    pub flags: u32,
    pub minimum: i64,
    pub maximum: i64,
}

/// The value is a union; `text` is its member for OPTION_STRING.
#[repr(C)]
pub struct GivenOption {
    pub name: Str,
    pub kind: u32,
    pub given: u32,
    pub text: Str,
}

pub type Emit = unsafe extern "C" fn(ctx: *mut c_void, batch: *mut ArrowArray) -> c_int;

#[repr(C)]
pub struct Filter {
    pub struct_size: u32,
    pub schema: unsafe extern "C" fn(*mut c_void, *const ArrowSchema, *mut ArrowSchema, *mut Error) -> c_int,
    pub predicate: Option<unsafe extern "C" fn()>,
    pub open: unsafe extern "C" fn(*mut c_void, *const ArrowSchema, *const c_void, *mut *mut c_void, *mut Error) -> c_int,
    pub apply: unsafe extern "C" fn(*mut c_void, *mut ArrowArray, Emit, *mut c_void, *mut Error) -> c_int,
    pub finish: Option<unsafe extern "C" fn()>,
    pub close: unsafe extern "C" fn(*mut c_void),
}

#[repr(C)]
pub struct Stage {
    pub struct_size: u32,
    pub kind: u32,
    pub flags: u32,
    pub max_writers: u32,
    pub name: *const c_char,
    pub summary: *const c_char,
    pub options: *const OptionSpec,
    pub option_count: usize,
    pub columns: *const c_void,
    pub column_count: usize,
    pub create: unsafe extern "C" fn(*const c_void, *const GivenOption, usize, *mut *mut c_void, *mut Error) -> c_int,
    pub destroy: unsafe extern "C" fn(*mut c_void),
    pub source: *const c_void,
    pub filter: *const Filter,
    pub sink: *const c_void,
}

#[repr(C)]
pub struct Plugin {
    pub magic: [u8; 8],
    pub abi_major: u16,
    pub abi_minor: u16,
    pub struct_size: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub built_with: *const c_char,
    pub stages: *const &'static Stage,
    pub stage_count: usize,
}

// The tables are constant data, so sharing their pointers is safe.
unsafe impl Sync for Plugin {}
unsafe impl Sync for Stage {}
unsafe impl Sync for OptionSpec {}

const _: () = {
    use std::mem::size_of;
    assert!(size_of::<ArrowSchema>() == 72);
    assert!(size_of::<ArrowArray>() == 80);
    assert!(size_of::<Error>() == 16 + 64 + 2048);
    assert!(size_of::<OptionSpec>() == 88);
    assert!(size_of::<GivenOption>() == 40);
    assert!(size_of::<Filter>() == 56);
    assert!(size_of::<Stage>() == 104);
    assert!(size_of::<Plugin>() == 56);
};
