//! A report as files.
//!
//! ```text
//! DIR/index.html                                  the page
//! DIR/data.json                                   everything that is shown, for programs
//! DIR/figures/NAME.svg .pdf .pgf .tex             for the width of a page
//! DIR/figures/NAME-column.svg .pdf .pgf .tex      for one column
//! DIR/tables/NAME.csv .tex .md
//! ```
//!
//! In LaTeX, `\newcommand{\bakeoff}{DIR}` says where the report is, and `\input{DIR/figures/NAME.tex}` is a float with the figure and its
//! caption. The same analysis gives the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::analysis::{Analysis, Comparison, Warning};
use crate::figures::{self, Context, Figure};
use crate::latex;
use crate::page;
use crate::pdf::{self, PdfError};
use crate::pgf;
use crate::scene::Scene;
use crate::sheet::DrawError;
use crate::svg;
use crate::tables::{self, Cell, Table};

/// What was written.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Written {
    /// All files.
    pub files: Vec<PathBuf>,
    /// How many figures there are.
    pub figures: usize,
    /// How many tables there are.
    pub tables: usize,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A figure could not be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// A PDF could not be made.
    #[error("{name}: {source}")]
    Pdf {
        /// The name of the figure.
        name: String,
        /// What the libraries said.
        source: PdfError,
    },
    /// A file could not be written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Writes the page, and all figures and tables in all forms, into a directory, which is made if it is not there; `command` is the
/// one that is told as having made it.
///
/// # Errors
/// If a file cannot be written, or a figure cannot be made; what was written until then stays.
pub fn write_report(
    analysis: &Analysis,
    command: &str,
    out: &Path,
) -> Result<Written, ReportError> {
    let context = Context::new(analysis);
    let figures = figures::all(analysis)?;
    let tables = tables::all(&context);
    let page = page::report(analysis, &figures, &tables, command);
    let control = analysis.control.as_ref().map(|c| c.differs);
    let mut data = data(&analysis.warnings, &figures, &tables, command);
    data["control_differs"] = json!(control);
    write_files(out, &figures, &tables, &page, &data)
}

/// Writes the page, and all figures and tables in all forms, of two sessions that are compared.
///
/// # Errors
/// As [`write_report`].
pub fn write_comparison(
    comparison: &Comparison,
    command: &str,
    out: &Path,
) -> Result<Written, ReportError> {
    let figures = figures::changes::all(comparison)?;
    let tables = tables::changes::all(comparison);
    let page = page::comparison(comparison, &figures, &tables, command);
    let data = data(&comparison.warnings, &figures, &tables, command);
    write_files(out, &figures, &tables, &page, &data)
}

fn write_files(
    out: &Path,
    figures: &[Figure],
    tables: &[Table],
    page: &str,
    data: &Value,
) -> Result<Written, ReportError> {
    let mut files = Files::default();
    for figure in figures {
        files.figure(out, figure)?;
    }
    for table in tables {
        let path = |kind: &str| out.join("tables").join(format!("{}.{kind}", table.name));
        files.write(path("csv"), tables::csv::write(table))?;
        files.write(path("tex"), tables::latex::write(table))?;
        files.write(path("md"), tables::markdown::write(table))?;
    }
    files.write(out.join("data.json"), format!("{data:#}\n"))?;
    files.write(out.join("index.html"), page)?;
    Ok(Written {
        files: files.0,
        figures: figures.len(),
        tables: tables.len(),
    })
}

#[derive(Default)]
struct Files(Vec<PathBuf>);

impl Files {
    fn write(&mut self, path: PathBuf, content: impl AsRef<[u8]>) -> Result<(), ReportError> {
        let directory = path.parent().unwrap_or(Path::new("."));
        let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, content));
        written.map_err(|source| ReportError::Io {
            path: path.clone(),
            source,
        })?;
        self.0.push(path);
        Ok(())
    }

    fn figure(&mut self, out: &Path, figure: &Figure) -> Result<(), ReportError> {
        let column = figure.column.as_ref();
        let column = column.map(|scene| (format!("{}-column", figure.name), scene, "figure"));
        let page = (figure.name.clone(), &figure.page, "figure*");
        for (name, scene, float) in std::iter::once(page).chain(column) {
            let path = |kind: &str| out.join("figures").join(format!("{name}.{kind}"));
            self.write(path("svg"), svg::for_print(scene, &figure.title))?;
            self.write(path("pdf"), pdf(scene, figure)?)?;
            self.write(path("pgf"), pgf::write(scene, &figure.caption))?;
            self.write(path("tex"), float_of(figure, &name, float))?;
        }
        Ok(())
    }
}

fn pdf(scene: &Scene, figure: &Figure) -> Result<Vec<u8>, ReportError> {
    pdf::write(scene, &figure.title).map_err(|source| ReportError::Pdf {
        name: figure.name.clone(),
        source,
    })
}

/// A float for LaTeX with a figure and its caption.
fn float_of(figure: &Figure, name: &str, float: &str) -> String {
    let title = latex::escape(&figures::scaling::capital(&figure.title));
    let caption = latex::caption(&figure.caption);
    format!(
        "% In a document: \\usepackage{{pgf}}, \\newcommand{{\\bakeoff}}{{the report's directory}}, then \\input this file.\n\
         \\providecommand{{\\bakeoff}}{{.}}\n\\begin{{{float}}}[t]\n\\centering\n\\input{{\\bakeoff/figures/{name}.pgf}}\n\
         \\caption{{{title}. {caption}}}\\label{{fig:{name}}}\n\\end{{{float}}}\n"
    )
}

/// Everything that is shown. A number is an object of its value and, if it has one, its interval; what nothing bounds, and a gap, is null.
fn data(warnings: &[Warning], figures: &[Figure], tables: &[Table], command: &str) -> Value {
    let warnings = warnings.iter();
    let warnings: Vec<Value> = warnings
        .map(|w| json!({"severity": format!("{:?}", w.severity).to_lowercase(), "message": w.message}))
        .collect();
    let figures: Vec<Value> = figures
        .iter()
        .map(|f| {
            let marks: Vec<&str> = f.page.marks.iter().map(|m| m.title.as_str()).collect();
            json!({"name": f.name, "title": f.title, "caption": f.caption, "values": marks})
        })
        .collect();
    let tables: Vec<Value> = tables
        .iter()
        .map(|t| {
            let columns: Vec<Value> = t
                .columns
                .iter()
                .map(|c| json!({"title": c.title, "unit": c.unit()}))
                .collect();
            let rows: Vec<Vec<Value>> = t.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
            json!({"name": t.name, "title": t.title, "caption": t.caption, "columns": columns, "rows": rows})
        })
        .collect();
    json!({
        "command": command,
        "warnings": warnings,
        "figures": figures,
        "tables": tables,
    })
}

fn cell(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::Number(None) => Value::Null,
        Cell::Number(Some(e)) if e.low == e.high => json!({"value": e.value}),
        Cell::Number(Some(e)) => json!({"value": e.value, "low": e.low, "high": e.high}),
    }
}
