//! A filter in Rust without crates: adds the column `length` with the number of characters of a text.
//!
//!     rustc --edition 2021 -O --crate-type cdylib text_length.rs -o text_length.so
//!
//! It passes the input columns on unchanged and allocates only the new one. guarded() catches panics, so that
//! none crosses the boundary.

mod etl_abi;

use etl_abi::*;
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{null, null_mut};

struct Failure {
    code: c_int,
    option: &'static str,
    message: String,
}

fn config(option: &'static str, message: String) -> Failure {
    Failure { code: CONFIG, option, message }
}

fn malformed(what: &str) -> Failure {
    Failure { code: INTERNAL, option: "", message: format!("malformed Arrow batch: {}", what) }
}

/// Copies the text up to the size of `out`, without splitting a character, and appends NUL.
fn copy_text(out: &mut [u8], text: &str) {
    let mut size = text.len().min(out.len() - 1);
    while !text.is_char_boundary(size) {
        size -= 1;
    }
    out[..size].copy_from_slice(&text.as_bytes()[..size]);
    out[size] = 0;
}

/// Runs the body of a table's function and returns its outcome as a code.
unsafe fn guarded(error: *mut Error, work: impl FnOnce() -> Result<(), Failure>) -> c_int {
    let failure = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return OK,
        Ok(Err(failure)) => failure,
        Err(_) => Failure { code: INTERNAL, option: "", message: "panic".to_string() },
    };
    (*error).code = failure.code;
    copy_text(&mut (*error).option, failure.option);
    copy_text(&mut (*error).message, &failure.message);
    failure.code
}

// ---- Reading texts -----------------------------------------------------------------------------------

#[derive(Clone, Copy, PartialEq)]
enum Layout {
    Utf8,
    Utf8View,
}

/// Finds the filter's text column in a struct schema.
#[derive(Clone, Copy)]
struct Column {
    index: usize,
    layout: Layout,
    nullable: bool,
}

unsafe fn find(schema: *const ArrowSchema, name: &str) -> Result<Column, Failure> {
    for index in 0..(*schema).n_children as usize {
        let child = *(*schema).children.add(index);
        if CStr::from_ptr((*child).name).to_bytes() == b"length" {
            return Err(config("column", "there is a column \"length\" already".to_string()));
        }
    }
    for index in 0..(*schema).n_children as usize {
        let child = *(*schema).children.add(index);
        if CStr::from_ptr((*child).name).to_bytes() != name.as_bytes() {
            continue;
        }
        let layout = match CStr::from_ptr((*child).format).to_bytes() {
            b"u" => Layout::Utf8,
            b"vu" => Layout::Utf8View,
            _ => return Err(config("column", format!("column \"{}\" is not a text column", name))),
        };
        return Ok(Column { index, layout, nullable: (*child).flags & ARROW_FLAG_NULLABLE != 0 });
    }
    Err(config("column", format!("there is no column \"{}\"", name)))
}

/// The text in a row of a column; None for null.
unsafe fn text<'batch>(array: &'batch ArrowArray, layout: Layout, row: usize) -> Option<&'batch [u8]> {
    let at = array.offset as usize + row;
    let buffer = |index: usize| *array.buffers.add(index) as *const u8;
    let validity = buffer(0);
    if array.null_count != 0 && !validity.is_null() && *validity.add(at / 8) >> (at % 8) & 1 == 0 {
        return None;
    }
    match layout {
        Layout::Utf8 => {
            let offsets = buffer(1) as *const i32;
            let (from, to) = (*offsets.add(at) as usize, *offsets.add(at + 1) as usize);
            Some(std::slice::from_raw_parts(buffer(2).add(from), to - from))
        }
        // 16 bytes: the size, then up to 12 bytes of text, or a prefix, the buffer's number and an offset.
        Layout::Utf8View => {
            let view = buffer(1).add(at * 16);
            let word = |index: usize| *(view as *const i32).add(index);
            let size = word(0) as usize;
            let start = if size <= 12 { view.add(4) } else { buffer(2 + word(2) as usize).add(word(3) as usize) };
            Some(std::slice::from_raw_parts(start, size))
        }
    }
}

/// The number of characters of a UTF-8 text: counts the bytes that do not continue one.
fn characters(text: &[u8]) -> i64 {
    text.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as i64
}

// ---- Arrow structs that own Rust values --------------------------------------------------------------

/// The memory behind an exported array; freed by its release().
#[derive(Default)]
struct Owned {
    children: Vec<ArrowArray>,
    pointers: Vec<*mut ArrowArray>,
    buffers: Vec<*const c_void>,
    _validity: Vec<u8>, // behind buffers[0] and
    _values: Vec<i64>,  // behind buffers[1]
    kept: Option<ArrowArray>, // the batch whose columns were passed on
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    let mut owned = Box::from_raw((*array).private_data as *mut Owned);
    for child in owned.children.iter_mut().chain(owned.kept.iter_mut()) {
        if let Some(release) = child.release {
            release(child);
        }
    }
    (*array).release = None;
}

unsafe fn give(length: i64, null_count: i64, owned: Owned) -> ArrowArray {
    let mut owned = Box::new(owned);
    owned.pointers = owned.children.iter_mut().map(|child| child as *mut ArrowArray).collect();
    ArrowArray {
        length,
        null_count,
        offset: 0,
        n_buffers: owned.buffers.len() as i64,
        n_children: owned.children.len() as i64,
        buffers: owned.buffers.as_mut_ptr(),
        children: owned.pointers.as_mut_ptr(),
        dictionary: null_mut(),
        release: Some(release_array),
        private_data: Box::into_raw(owned) as *mut c_void,
    }
}

unsafe fn lengths(texts: &ArrowArray, layout: Layout, first: usize, rows: usize) -> ArrowArray {
    let mut values = Vec::with_capacity(rows);
    let mut validity = vec![0u8; (rows + 7) / 8 + 1]; // never empty, so that the buffer has an address
    let mut nulls = 0;
    for row in 0..rows {
        match text(texts, layout, first + row) {
            Some(text) => {
                validity[row / 8] |= 1 << (row % 8);
                values.push(characters(text));
            }
            None => {
                nulls += 1;
                values.push(0);
            }
        }
    }
    values.reserve(1);
    let buffers = vec![validity.as_ptr() as *const c_void, values.as_ptr() as *const c_void];
    give(rows as i64, nulls, Owned { buffers, _validity: validity, _values: values, ..Owned::default() })
}

/// The columns of `batch` and the new one. Moves the children out of `batch` and adds its offset to theirs.
unsafe fn with_lengths(batch: *mut ArrowArray, column: Column) -> Result<ArrowArray, Failure> {
    let (first, rows) = ((*batch).offset, (*batch).length as usize);
    if column.index >= (*batch).n_children as usize {
        return Err(malformed("too few columns"));
    }
    let added = lengths(&**(*batch).children.add(column.index), column.layout, first as usize, rows);
    let mut children = Vec::new();
    for index in 0..(*batch).n_children as usize {
        let child = *(*batch).children.add(index);
        let mut moved = *child;
        (*child).release = None;
        moved.offset += first;
        moved.length = rows as i64;
        if moved.null_count != 0 {
            moved.null_count = -1; // not counted for the remaining rows
        }
        children.push(moved);
    }
    children.push(added);
    let kept = Some(*batch);
    (*batch).release = None;
    let owned = Owned { children, buffers: vec![null()], kept, ..Owned::default() };
    Ok(give(rows as i64, 0, owned))
}

// ---- Schema ------------------------------------------------------------------------------------------

struct OwnedSchema {
    names: Vec<(CString, CString)>, // format and name of every child
    children: Vec<ArrowSchema>,
    pointers: Vec<*mut ArrowSchema>,
}

unsafe extern "C" fn release_child_schema(schema: *mut ArrowSchema) {
    (*schema).release = None;
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    drop(Box::from_raw((*schema).private_data as *mut OwnedSchema));
    (*schema).release = None;
}

fn plain(format: *const c_char, name: *const c_char, flags: i64) -> ArrowSchema {
    ArrowSchema {
        format,
        name,
        metadata: null(),
        flags,
        n_children: 0,
        children: null_mut(),
        dictionary: null_mut(),
        release: Some(release_child_schema),
        private_data: null_mut(),
    }
}

unsafe fn schema_with_length(given: *const ArrowSchema, nullable: bool) -> ArrowSchema {
    let mut owned = Box::new(OwnedSchema { names: vec![], children: vec![], pointers: vec![] });
    let mut flags = vec![];
    for index in 0..(*given).n_children as usize {
        let child = *(*given).children.add(index);
        owned.names.push((CStr::from_ptr((*child).format).into(), CStr::from_ptr((*child).name).into()));
        flags.push((*child).flags);
    }
    owned.names.push((CString::new("l").unwrap(), CString::new("length").unwrap()));
    flags.push(if nullable { ARROW_FLAG_NULLABLE } else { 0 });
    owned.children = owned.names.iter().zip(flags).map(|(text, flags)| plain(text.0.as_ptr(), text.1.as_ptr(), flags)).collect();
    owned.pointers = owned.children.iter_mut().map(|child| child as *mut ArrowSchema).collect();
    let mut out = plain(b"+s\0".as_ptr() as *const c_char, b"\0".as_ptr() as *const c_char, 0);
    out.n_children = owned.children.len() as i64;
    out.children = owned.pointers.as_mut_ptr();
    out.release = Some(release_schema);
    out.private_data = Box::into_raw(owned) as *mut c_void;
    out
}

// ---- The stage ---------------------------------------------------------------------------------------

/// The stage: the name of the column.
struct TextLength(String);

unsafe extern "C" fn create(
    _host: *const c_void, options: *const GivenOption, count: usize, this: *mut *mut c_void, error: *mut Error,
) -> c_int {
    guarded(error, || {
        let mut column = String::new();
        for index in 0..count {
            let option = &*options.add(index);
            if option.name.bytes() == b"column" {
                column = String::from_utf8_lossy(option.text.bytes()).into_owned();
            }
        }
        *this = Box::into_raw(Box::new(TextLength(column))) as *mut c_void;
        Ok(())
    })
}

unsafe extern "C" fn destroy(this: *mut c_void) {
    drop(Box::from_raw(this as *mut TextLength));
}

unsafe extern "C" fn schema(
    this: *mut c_void, given: *const ArrowSchema, out: *mut ArrowSchema, error: *mut Error,
) -> c_int {
    guarded(error, || {
        let column = find(given, &(*(this as *const TextLength)).0)?;
        *out = schema_with_length(given, column.nullable);
        Ok(())
    })
}

unsafe extern "C" fn open(
    this: *mut c_void, given: *const ArrowSchema, _task: *const c_void, state: *mut *mut c_void, error: *mut Error,
) -> c_int {
    guarded(error, || {
        let column = find(given, &(*(this as *const TextLength)).0)?;
        *state = Box::into_raw(Box::new(column)) as *mut c_void;
        Ok(())
    })
}

/// Releases `batch` in every case, because it is moved: here, or with the array it becomes part of.
unsafe extern "C" fn apply(
    state: *mut c_void, batch: *mut ArrowArray, emit: Emit, ctx: *mut c_void, error: *mut Error,
) -> c_int {
    let code = guarded(error, || {
        let mut out = with_lengths(batch, *(state as *const Column))?;
        match emit(ctx, &mut out) {
            0 => Ok(()),
            _ => Err(Failure { code: CANCELLED, option: "", message: "stopped".to_string() }),
        }
    });
    if let Some(release) = (*batch).release {
        release(batch);
    }
    code
}

unsafe extern "C" fn close(state: *mut c_void) {
    drop(Box::from_raw(state as *mut Column));
}

static OPTIONS: [OptionSpec; 1] = [OptionSpec {
    name: Str::from("column"),
    help: Str::from("Column of text to measure."),
    fallback: Str::EMPTY,
    allowed: Str::EMPTY,
    kind: OPTION_STRING,
    flags: OPTION_REQUIRED,
    minimum: 0,
    maximum: 0,
}];

static FILTER: Filter = Filter {
    struct_size: std::mem::size_of::<Filter>() as u32,
    schema,
    predicate: None,
    open,
    apply,
    finish: None,
    close,
};

static STAGE: Stage = Stage {
    struct_size: std::mem::size_of::<Stage>() as u32,
    kind: KIND_FILTER,
    flags: 0,
    max_writers: 0,
    name: b"text_length\0".as_ptr() as *const c_char,
    summary: b"Adds the number of characters of a text.\0".as_ptr() as *const c_char,
    options: OPTIONS.as_ptr(),
    option_count: OPTIONS.len(),
    columns: null(),
    column_count: 0,
    create,
    destroy,
    source: null(),
    filter: &FILTER,
    sink: null(),
};

static STAGES: [&Stage; 1] = [&STAGE];

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static etl_plugin_v1: Plugin = Plugin {
    magic: *b"ETLPLUG\0",
    abi_major: 1,
    abi_minor: 0,
    struct_size: std::mem::size_of::<Plugin>() as u32,
    name: b"example_text_length\0".as_ptr() as *const c_char,
    version: b"1.0.0\0".as_ptr() as *const c_char,
    built_with: b"rustc\0".as_ptr() as *const c_char,
    stages: STAGES.as_ptr(),
    stage_count: STAGES.len(),
};
