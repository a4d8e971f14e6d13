//! Which numbers of an analysis stand in which table.

use bakeoff_samples::Event;
use bakeoff_statistics::Estimate;

use super::{Cell, Column, Table};
use crate::analysis::{EventFigures, Payback, Source};
use crate::figures::{Context, words};
use crate::number::{Quantity, grouped};

/// Events whose totals over the suite are shown as they are.
const FACTS: [Event; 8] = [
    Event::CodeBytes,
    Event::CodeInsts,
    Event::Relocations,
    Event::Spills,
    Event::FrameBytes,
    Event::Allocations,
    Event::AllocatedBytes,
    Event::PeakBytes,
];

const TIMES: [Event; 4] = [
    Event::Compile,
    Event::CompileAgain,
    Event::FirstCall,
    Event::Run,
];

/// All tables that have rows, in the order of the page.
pub fn all(context: &Context<'_>) -> Vec<Table> {
    let facts =
        "Sums over the programs that every competitor with a value has, each compiled once.";
    let tables = [
        means(
            context,
            "main",
            "geometric means",
            &[
                Event::Compile,
                Event::CompileAgain,
                Event::Run,
                Event::CodeBytes,
            ],
        ),
        main_programs(context),
        programs(context),
        totals(context, "totals", "sums over the suite", &TIMES, facts),
        totals(
            context,
            "phases",
            "phases of compilation",
            &Event::PHASES,
            facts,
        ),
        pairs(context),
        envelope(context),
        exponents(context),
        points(context),
        totals(
            context,
            "facts",
            "code and memory of the compiler",
            &FACTS,
            facts,
        ),
        means(
            context,
            "counts",
            "geometric means of counts",
            &[Event::CompileInsts, Event::RunInsts, Event::CodeInsts],
        ),
        failures(context),
        control(context),
        sources(context),
    ];
    tables.into_iter().filter(|t| !t.rows.is_empty()).collect()
}

fn table(
    name: &str,
    title: &str,
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
) -> Table {
    Table {
        name: name.to_string(),
        title: title.to_string(),
        caption,
        columns,
        rows,
    }
}

/// What compiling again is, where it is among the figures.
fn again(figures: &[&EventFigures]) -> &'static str {
    if figures.iter().any(|f| f.event == Event::CompileAgain) {
        "Compile again: right behind another compilation of the same program. "
    } else {
        ""
    }
}

/// Geometric means of ratios: a row a competitor.
fn means(context: &Context<'_>, name: &str, title: &str, events: &[Event]) -> Table {
    let figures = context.events(events);
    let mut columns = vec![Column::words("competitor")];
    columns.extend(
        figures
            .iter()
            .map(|f| Column::numbers(words(f.event), Quantity::Plain)),
    );
    columns.push(Column::numbers("programs", Quantity::Count));
    let row = |competitor: usize| {
        let means: Vec<_> = figures
            .iter()
            .map(|f| f.means.get(competitor).copied().flatten())
            .collect();
        let programs = means.iter().flatten().map(|m| m.programs).min()?;
        let mut cells = vec![Cell::text(context.name(competitor))];
        cells.extend(means.iter().map(|m| Cell::number(m.map(|m| m.ratio))));
        cells.push(Cell::text(format!(
            "{programs}/{}",
            context.analysis.programs.len()
        )));
        Some(cells)
    };
    let rows = (0..context.analysis.competitors.len())
        .filter_map(row)
        .collect();
    let caption = format!(
        "Geometric means over programs, relative to {}: below 1 is less, so faster or smaller. {}{}",
        context.baseline(),
        again(&figures),
        context.origin(&figures)
    );
    table(name, title, caption, columns, rows)
}

/// Ratios of few competitors: a row a program.
fn main_programs(context: &Context<'_>) -> Table {
    let analysis = context.analysis;
    let figures = context.events(&[Event::Compile, Event::Run]);
    let mut shown = context.looks.main(analysis, 5);
    shown.retain(|c| *c != analysis.baseline);
    let mut columns = vec![Column::words("program")];
    for competitor in &shown {
        for event in &figures {
            let what = words(event.event).replace(" time", "");
            columns.push(Column::numbers(
                format!("{}, {what}", context.name(*competitor)),
                Quantity::Plain,
            ));
        }
    }
    let number = |program: usize, competitor: usize, figures: &EventFigures| {
        let ratio = figures
            .ratios
            .get(program)?
            .get(competitor)
            .copied()
            .flatten()?;
        Some(Estimate::exact(ratio.value))
    };
    let rows = analysis
        .programs
        .iter()
        .enumerate()
        .map(|(index, program)| {
            let numbers = shown.iter().flat_map(|c| {
                figures
                    .iter()
                    .map(move |f| Cell::number(number(index, *c, f)))
            });
            std::iter::once(Cell::text(&program.name))
                .chain(numbers)
                .collect()
        });
    let caption = format!(
        "Main competitors by program, relative to {}; intervals are in the table of all. {}",
        context.baseline(),
        context.origin(&figures)
    );
    let rows = if columns.len() > 1 {
        rows.collect()
    } else {
        Vec::new()
    };
    table(
        "programs-main",
        "main competitors by program",
        caption,
        columns,
        rows,
    )
}

/// Everything of compiling and running: a row a program and competitor.
fn programs(context: &Context<'_>) -> Table {
    let analysis = context.analysis;
    let figures = context.events(&[Event::Compile, Event::Run, Event::CodeBytes]);
    let mut columns = vec![Column::words("program"), Column::words("competitor")];
    for event in &figures {
        columns.push(Column::numbers(
            words(event.event),
            Quantity::of(event.event),
        ));
        columns.push(Column::numbers(
            format!("{} ×", words(event.event)),
            Quantity::Plain,
        ));
    }
    let at = |numbers: &[Vec<Option<Estimate>>], program: usize, competitor: usize| {
        Cell::number(
            numbers
                .get(program)
                .and_then(|row| row.get(competitor).copied().flatten()),
        )
    };
    let mut rows = Vec::new();
    for (p, program) in analysis.programs.iter().enumerate() {
        for (c, competitor) in analysis.competitors.iter().enumerate() {
            let mut cells = vec![Cell::text(&program.name), Cell::text(&competitor.name)];
            for event in &figures {
                cells.push(at(&event.values, p, c));
                cells.push(at(&event.ratios, p, c));
            }
            rows.push(cells);
        }
    }
    let caption = format!(
        "All competitors by program; a column with × is relative to {}. A dash: no value. {}",
        context.baseline(),
        context.origin(&figures)
    );
    let rows = if figures.is_empty() { Vec::new() } else { rows };
    table(
        "programs",
        "all competitors by program",
        caption,
        columns,
        rows,
    )
}

/// Totals of events: a row a competitor.
fn totals(context: &Context<'_>, name: &str, title: &str, events: &[Event], about: &str) -> Table {
    let figures = context.events(events);
    let mut columns = vec![Column::words("competitor")];
    columns.extend(
        figures
            .iter()
            .map(|f| Column::numbers(words(f.event), Quantity::of(f.event))),
    );
    let row = |competitor: usize| {
        let totals: Vec<_> = figures
            .iter()
            .map(|f| f.totals.get(competitor).copied().flatten())
            .collect();
        totals.iter().any(Option::is_some).then(|| {
            let name = Cell::text(context.name(competitor));
            std::iter::once(name)
                .chain(totals.into_iter().map(Cell::number))
                .collect()
        })
    };
    let rows = (0..context.analysis.competitors.len())
        .filter_map(row)
        .collect();
    let caption = format!(
        "{about} A dash: no value, or no such thing there. {}{}",
        again(&figures),
        context.origin(&figures)
    );
    table(name, title, caption, columns, rows)
}

fn pairs(context: &Context<'_>) -> Table {
    let columns = vec![
        Column::words("compiles faster"),
        Column::words("compiles slower"),
        Column::numbers("runs until it has paid", Quantity::Count),
        Column::numbers("that is, work of", Quantity::Ns),
    ];
    let rows = context.analysis.break_even.pairs.iter().map(|pair| {
        let (runs, work) = match pair.suite {
            Payback::Never => (Cell::text("never"), Cell::text("never")),
            Payback::After { runs, work_ns } => {
                (Cell::number(Some(runs)), Cell::number(Some(work_ns)))
            }
        };
        let name = |c: usize| Cell::text(context.name(c));
        vec![name(pair.quick), name(pair.thorough), runs, work]
    });
    let caption = format!(
        "After how many runs of the whole suite the slower compiler has paid for itself, and how long these take in the code of the faster \
         one. ∞: it may be never. {}",
        context.origin(&context.events(&[Event::Compile, Event::Run]))
    );
    table(
        "break-even",
        "break-even points",
        caption,
        columns,
        rows.collect(),
    )
}

fn envelope(context: &Context<'_>) -> Table {
    let columns = vec![
        Column::numbers("from runs of the suite", Quantity::Count),
        Column::words("the best is"),
    ];
    let best = context.analysis.break_even.envelope.iter();
    let rows = best.map(|(from, c)| vec![Cell::exact(*from), Cell::text(context.name(*c))]);
    let caption = format!(
        "Who takes least time in all to compile the suite once and run it so many times. {}",
        context.origin(&context.events(&[Event::Compile, Event::Run]))
    );
    table(
        "best",
        "who is best from when on",
        caption,
        columns,
        rows.collect(),
    )
}

fn exponents(context: &Context<'_>) -> Table {
    let columns = vec![
        Column::words("family"),
        Column::words("competitor"),
        Column::words("of"),
        Column::numbers("exponent", Quantity::Plain),
        Column::numbers("each one more", Quantity::Ns),
        Column::numbers("none", Quantity::Ns),
    ];
    let scaling = &context.analysis.scaling;
    let rows = scaling.iter().map(|g| {
        vec![
            Cell::text(&g.family),
            Cell::text(context.name(g.competitor)),
            Cell::text(words(g.event)),
            Cell::number(Some(g.exponent)),
            Cell::number(Some(g.slope_ns)),
            Cell::number(Some(g.intercept_ns)),
        ]
    });
    let caption = format!(
        "How compiling grows: the exponent over the upper half of the sizes (1 is linear), and a straight line: time for each one more, and for none. \
         Intervals are of 95 %. {}",
        context.sources(scaling.iter().map(|g| g.source))
    );
    table("scaling", "growth", caption, columns, rows.collect())
}

fn points(context: &Context<'_>) -> Table {
    let columns = vec![
        Column::words("family"),
        Column::words("competitor"),
        Column::words("of"),
        Column::numbers("size", Quantity::Count),
        Column::numbers("time", Quantity::Ns),
    ];
    let scaling = &context.analysis.scaling;
    let rows = scaling.iter().flat_map(|g| {
        g.points.iter().map(|(size, time)| {
            vec![
                Cell::text(&g.family),
                Cell::text(context.name(g.competitor)),
                Cell::text(words(g.event)),
                Cell::exact(*size),
                Cell::number(Some(*time)),
            ]
        })
    });
    let caption = format!(
        "The points behind the growth of compiling. Intervals are of 95 %. {}",
        context.sources(scaling.iter().map(|g| g.source))
    );
    table(
        "scaling-points",
        "points of growth",
        caption,
        columns,
        rows.collect(),
    )
}

fn failures(context: &Context<'_>) -> Table {
    let columns = ["program", "competitor", "status", "reason"]
        .map(Column::words)
        .to_vec();
    let rows = context.analysis.failures.iter();
    let rows = rows.map(|failure| failure.iter().map(Cell::text).collect());
    let all = 0..context.analysis.sources.len();
    let caption = format!(
        "Who is out for which program, and so has no numbers there. {}",
        context.sources(all)
    );
    table("failures", "failures", caption, columns, rows.collect())
}

fn control(context: &Context<'_>) -> Table {
    let columns = vec![
        Column::words("event"),
        Column::numbers("ratio", Quantity::Plain),
    ];
    let Some(control) = &context.analysis.control else {
        return table("control", "control", String::new(), columns, Vec::new());
    };
    let rows = control.ratios.iter();
    let rows =
        rows.map(|(event, ratio)| vec![Cell::text(words(*event)), Cell::number(Some(*ratio))]);
    let caption = format!(
        "{} measured under two names: geometric means of the ratios of the two, with intervals of {} %. {}",
        control.competitor,
        crate::analysis::Control::LEVEL * 100.0,
        context.sources([0])
    );
    table("control", "control", caption, columns, rows.collect())
}

/// A row a fact, a column a source: their lines are long.
fn sources(context: &Context<'_>) -> Table {
    let sources = &context.analysis.sources;
    let mut columns = vec![Column::words("")];
    columns.extend(sources.iter().map(|s| Column::words(&s.name)));
    let row = |what: &str, of: &dyn Fn(&Source) -> String| -> Vec<Cell> {
        let cells = sources.iter().map(|s| Cell::text(of(s)));
        std::iter::once(Cell::text(what)).chain(cells).collect()
    };
    let rows = vec![
        row("kind", &|s| format!("{:?}", s.kind).to_lowercase()),
        row("command", &|s| s.command.clone()),
        row("began", &|s| s.began.clone()),
        row("machine", &|s| s.machine.clone()),
        row("build", &|s| s.build.clone()),
        row("fingerprint", &|s| s.fingerprint.clone()),
        row("processes", &|s| grouped(s.processes)),
        row("samples", &|s| grouped(s.samples)),
    ];
    let rows = if sources.is_empty() { Vec::new() } else { rows };
    let caption = "Where the numbers come from.".to_string();
    table("sources", "sources", caption, columns, rows)
}
