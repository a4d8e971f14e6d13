//! Writes the report of a made-up session, to look at: `cargo run -p bakeoff-reports --example gallery -- DIR`.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).ok_or("which directory?")?;
    let directory = std::path::Path::new(&directory);
    std::fs::create_dir_all(directory)?;
    for figure in bakeoff_reports::figures::all(&fixture::analysis())? {
        let svg = bakeoff_reports::svg::for_print(&figure.page, &figure.title);
        std::fs::write(directory.join(format!("{}.svg", figure.name)), svg)?;
        let pdf = bakeoff_reports::pdf::write(&figure.page, &figure.title)?;
        std::fs::write(directory.join(format!("{}.pdf", figure.name)), pdf)?;
        if let Some(column) = &figure.column {
            let pdf = bakeoff_reports::pdf::write(column, &figure.title)?;
            std::fs::write(directory.join(format!("{}-column.pdf", figure.name)), pdf)?;
        }
    }
    Ok(())
}
