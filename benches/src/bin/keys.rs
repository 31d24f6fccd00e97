//! Prints a table of the size of stored keys and the speed of looking them up, for the lists that `benches/keys.py` makes.
//!
//!     python benches/keys.py keys.json && cargo run --release -p bitnpz-benches --bin keys -- keys.json

#![allow(clippy::print_stdout, reason = "a report")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use bitnpz::{Archive, Bitmap, Writer};
use serde_json::Value;

/// Look-ups per list: enough that they take milliseconds.
const LOOK_UPS: usize = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: keys FILE.json, as benches/keys.py writes it")?;
    let lists: serde_json::Map<String, Value> = serde_json::from_slice(&std::fs::read(path)?)?;
    println!(
        "| keys | bytes | information | zstd -19, sorted | xz -9e, sorted | write, µs | open, ms | first, ms | look-up, ns |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let folder = tempfile::tempdir()?;
    for (name, list) in &lists {
        let keys: Vec<&str> =
            list["keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        measure(name, &keys, list, &folder.path().join("keys.npz"))?;
    }
    Ok(())
}

/// Measures a list and prints its row of the table.
fn measure(name: &str, keys: &[&str], list: &Value, path: &Path) -> Result<(), Box<dyn Error>> {
    let count = keys.len() as f64;
    let image = Bitmap::zeros(1, 1)?;
    let start = Instant::now();
    let mut writer = Writer::create(path)?;
    for key in keys {
        writer.add_bitmap(key, image.view())?;
    }
    writer.finish()?;
    let write = start.elapsed().as_secs_f64() / count * 1e6;
    let zip = bitnpz_npz::Archive::open(path)?;
    let is_of_keys = |name: &str| name.contains("/keys-") || name.ends_with("/set.json");
    let bytes: u64 =
        zip.members().filter(|member| is_of_keys(member.name())).map(|member| member.compressed_size()).sum();
    drop(zip);
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let sorted = sorted.join("\n");
    let zstd = if keys.len() > 50_000 { 0 } else { zstd::bulk::compress(sorted.as_bytes(), 19)?.len() };
    let start = Instant::now();
    let archive = Archive::open(path)?;
    let open = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    assert!(archive.contains(keys[keys.len() / 2]));
    let first = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let look_ups = (0..LOOK_UPS).map(|look| keys[look * 7_919 % keys.len()]);
    assert_eq!(look_ups.filter(|key| archive.contains(key)).count(), LOOK_UPS);
    let each = start.elapsed().as_secs_f64() / LOOK_UPS as f64 * 1e9;
    let known = list["bits"].as_f64().map_or("".to_owned(), |bits| format!("{:.2}", bits / 8.0));
    let xz = list["xz"].as_f64().unwrap_or(0.0) / count;
    println!(
        "| {name} | {:.2} | {known} | {:.2} | {xz:.2} | {write:.2} | {open:.1} | {first:.1} | {each:.0} |",
        bytes as f64 / count,
        zstd as f64 / count
    );
    Ok(())
}
