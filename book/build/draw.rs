//! Draws a chart, with plotters. Its fixed colours become classes, so that a chart takes the page's colours as drawings do.

use plotters::prelude::*;

use crate::chart::{Chart, Points};

const SIZE: (u32, u32) = (760, 300);
/// Colours that only mean a class of the style sheet.
const VALUE: RGBColor = RGBColor(1, 0, 1);
const LIMIT: RGBColor = RGBColor(2, 0, 2);
const AXIS: RGBColor = RGBColor(3, 0, 3);
const CLASSES: [(&str, &str); 3] =
    [("#010001", "value"), ("#020002", "limit"), ("#030003", "thin")];

/// The drawing.
pub fn svg(chart: &Chart, points: &Points) -> Result<String, String> {
    let mut svg = String::new();
    draw(chart, points, &mut svg).map_err(|e| e.to_string())?;
    for (colour, class) in CLASSES {
        svg = svg.replace(&format!("stroke=\"{colour}\""), &format!("class=\"{class}\""));
    }
    let body = svg.find("<svg").ok_or("plotters made no drawing")?;
    // A blank line would end the block of HTML; the size is the page's.
    let lines: Vec<&str> = svg[body..].lines().filter(|line| !line.trim().is_empty()).collect();
    let size = format!("width=\"{}\" height=\"{}\" ", SIZE.0, SIZE.1);
    Ok(lines.join("\n").replacen(&size, "", 1))
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(chart: &Chart, points: &Points, svg: &mut String) -> Drawn {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let end = points.last().map_or(1.0, |last| last.0);
    let (start, slope) = chart.limit;
    let most = points.iter().map(|point| point.1).fold(start + slope * end, f64::max) * 1.1;
    let mut area = ChartBuilder::on(&root)
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..end * 1.06, 0.0..most)?;
    area.configure_mesh()
        .disable_mesh()
        .x_desc("ms since the first look")
        .y_desc(chart.axis)
        .axis_style(AXIS)
        .label_style(("sans-serif", 13))
        .x_label_formatter(&|ms| format!("{ms:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()?;
    let limit = [(0.0, start), (end * 1.06, start + slope * end * 1.06)];
    area.draw_series(LineSeries::new(limit, LIMIT))?;
    area.draw_series(LineSeries::new(points.iter().copied(), VALUE.stroke_width(2)))?;
    let label = |text: &'static str, at: (f64, f64)| Text::new(text, at, ("sans-serif", 13));
    // Above a level line, below one that rises: the values are at the other side.
    let at = if slope > 0.0 {
        (end * 0.5, slope * end * 0.3)
    } else {
        (end * 0.02, start + most * 0.07)
    };
    area.draw_series([label(chart.limit_label, at)])?;
    if let (Some((_, text)), Some(last)) = (chart.end, points.last()) {
        area.draw_series([label(text, (last.0 + end * 0.008, most * 0.5))])?;
    }
    Ok(root.present()?)
}
