//! Writes the report of a made-up session, to look at: `cargo run -p bakeoff-reports --example gallery -- DIR`.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).ok_or("which directory?")?;
    let command = "bakeoff report times scaling counts";
    let analysis = fixture::analysis();
    let written = bakeoff_reports::write_report(&analysis, command, directory.as_ref())?;
    println!(
        "{} figures, {} tables, {} files",
        written.figures,
        written.tables,
        written.files.len()
    );
    Ok(())
}
