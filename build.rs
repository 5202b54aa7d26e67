//! The binary carries the stylesheet, which `make css` builds. Until then an empty file stands in for it.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

const STYLESHEET: &str = "target/site/pkg/topup.css";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={STYLESHEET}");
    let path = Path::new(STYLESHEET);
    let length = fs::metadata(path).map(|file| file.len()).ok();
    if length.is_none_or(|length| length == 0) {
        println!("cargo:warning={STYLESHEET} is missing: pages have no style. Run `make css` first");
    }
    if length.is_none() {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        // An old file: cargo would otherwise see a change and build everything a second time.
        File::create(path)?.set_modified(SystemTime::UNIX_EPOCH)?;
    }
    Ok(())
}
