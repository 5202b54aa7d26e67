//! Prepares two things that the binary carries: the stylesheet, which `make css` builds (until then an empty file
//! stands in for it), and the list of migrations.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;
use std::{env, io};

const STYLESHEET: &str = "target/site/pkg/topup.css";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    stylesheet()?;
    migrations("sqlite")?;
    migrations("postgres")
}

fn stylesheet() -> io::Result<()> {
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

/// Writes a list of (file name, SQL). (`sqlx::migrate!` would build sqlx a second time, for the compiler.)
fn migrations(database: &str) -> io::Result<()> {
    let folder = format!("migrations/{database}");
    println!("cargo:rerun-if-changed={folder}");
    let mut names = fs::read_dir(&folder)?.map(|file| Ok(file?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let list = names.iter().map(|name| {
        let name = name.display();
        format!("(\"{name}\", include_str!({:?})),\n", format!("{root}/{folder}/{name}"))
    });
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(format!("{out}/{database}_migrations.rs"), format!("&[\n{}]\n", list.collect::<String>()))
}
