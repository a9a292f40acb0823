//! Plots as SVG: horizontal bars, and lines with logarithmic axes.

use std::fmt::Write;

use crate::words;

const WIDTH: f64 = 760.0;
const COLOURS: [&str; 4] = ["#3465a4", "#c4682d", "#4e8a3c", "#7a5195"];

/// A drawing that grows.
struct Canvas {
    body: String,
}

impl Canvas {
    fn new(title: &str) -> Self {
        let mut canvas = Self { body: String::new() };
        canvas.text(WIDTH / 2.0, 26.0, 16.0, "middle", "#222", title);
        canvas
    }

    fn text(&mut self, x: f64, y: f64, size: f64, anchor: &str, colour: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\"");
        self.put(&format!("<text {place} fill=\"{colour}\">{text}</text>"));
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, style: &str) {
        let (place, end) =
            (format!("x1=\"{:.1}\" y1=\"{:.1}\"", from.0, from.1), format!("x2=\"{:.1}\" y2=\"{:.1}\"", to.0, to.1));
        self.put(&format!("<line {place} {end} stroke=\"{colour}\" {style}/>"));
    }

    fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"");
        self.put(&format!("<rect {place} fill=\"{colour}\"/>"));
    }

    fn put(&mut self, element: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.body, "  {element}");
    }

    fn finish(self, height: f64) -> String {
        let size = format!("width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\"");
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" {size} font-family=\"sans-serif\">\n  \
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// The bars of a group, such as an input, each with a label and a value.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) bars: Vec<(String, f64)>,
}

/// Draws horizontal bars from 0, each with its value and `unit` at its end.
pub(crate) fn bars(title: &str, unit: &str, groups: &[Group]) -> String {
    const LEFT: f64 = 250.0;
    const ROW: f64 = 26.0;
    let longest = groups.iter().flat_map(|group| &group.bars).map(|bar| bar.1).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LEFT - 90.0) / longest;
    let mut canvas = Canvas::new(title);
    let mut y = 48.0;
    for (at, group) in groups.iter().enumerate() {
        if !group.name.is_empty() {
            canvas.text(16.0, y + 16.0, 13.0, "start", "#222", &group.name);
            y += ROW;
        }
        for (label, value) in &group.bars {
            canvas.text(LEFT - 8.0, y + 16.0, 13.0, "end", "#222", label);
            canvas.bar(LEFT, y + 3.0, value * scale, ROW - 8.0, COLOURS[at % COLOURS.len()]);
            let shown = format!("{}{unit}", words::number(*value));
            canvas.text(LEFT + value * scale + 6.0, y + 16.0, 13.0, "start", "#222", &shown);
            y += ROW;
        }
        y += 8.0;
    }
    canvas.line((LEFT, 48.0), (LEFT, y - 8.0), "#222", "");
    canvas.finish(y + 8.0)
}

/// A line through points.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether the line is a bound instead of a measurement.
    pub(crate) bound: bool,
}

/// How an axis shows its values.
pub(crate) struct Axis {
    pub(crate) name: &'static str,
    pub(crate) show: fn(f64) -> String,
    pub(crate) logarithmic: bool,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        if self.logarithmic { value.ln() } else { value }
    }
}

/// Draws lines over a logarithmic x axis, with a mark at each measured x.
pub(crate) fn lines(title: &str, x: &Axis, y: &Axis, lines: &[Line]) -> String {
    const HEIGHT: f64 = 420.0;
    const PLACE: (f64, f64, f64, f64) = (90.0, 44.0, WIDTH - 30.0, HEIGHT - 84.0);
    let (left, top, right, bottom) = PLACE;
    let points = || lines.iter().flat_map(|line| &line.points);
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
    let (x0, x1) = (x.at(least(&mut points().map(|p| p.0))), x.at(most(&mut points().map(|p| p.0))));
    // A linear axis starts at 0, so that constant values look constant.
    let (low, high) = (least(&mut points().map(|p| p.1)), most(&mut points().map(|p| p.1)));
    let y0 = if y.logarithmic { y.at(low * 0.8) } else { 0.0 };
    let y1 = if y.logarithmic { y.at(high * 1.2) } else { high * 1.15 };
    let place = |point: (f64, f64)| {
        let across = (x.at(point.0) - x0) / (x1 - x0).max(f64::MIN_POSITIVE);
        let up = (y.at(point.1) - y0) / (y1 - y0).max(f64::MIN_POSITIVE);
        (left + across * (right - left - 20.0), bottom - up * (bottom - top))
    };
    let mut canvas = Canvas::new(title);
    let mut ticks: Vec<f64> = points().map(|point| point.0).collect();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    for tick in ticks {
        let (at, _) = place((tick, high));
        canvas.line((at, bottom), (at, bottom + 5.0), "#222", "");
        canvas.text(at, bottom + 20.0, 12.0, "middle", "#222", &(x.show)(tick));
    }
    for tick in steps(y, low, high) {
        let (_, at) = place((1.0, tick));
        canvas.line((left, at), (right, at), "#ddd", "");
        canvas.text(left - 8.0, at + 4.0, 12.0, "end", "#222", &(y.show)(tick));
    }
    canvas.line((left, top), (left, bottom), "#222", "");
    canvas.line((left, bottom), (right, bottom), "#222", "");
    canvas.text((left + right) / 2.0, bottom + 42.0, 13.0, "middle", "#222", x.name);
    canvas.text(left, top - 4.0, 13.0, "middle", "#222", y.name);
    let mut legend = left;
    for (at, line) in lines.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let style = if line.bound { "stroke-width=\"1.5\" stroke-dasharray=\"6 4\"" } else { "stroke-width=\"2\"" };
        for pair in line.points.windows(2) {
            canvas.line(place(pair[0]), place(pair[1]), colour, style);
        }
        for &point in line.points.iter().filter(|_| !line.bound) {
            let (cx, cy) = place(point);
            canvas.put(&format!("<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"4\" fill=\"{colour}\"/>"));
        }
        canvas.line((legend, HEIGHT - 14.0), (legend + 28.0, HEIGHT - 14.0), colour, style);
        canvas.text(legend + 34.0, HEIGHT - 10.0, 13.0, "start", "#222", line.name);
        legend += 60.0 + 7.5 * line.name.len() as f64;
    }
    canvas.finish(HEIGHT)
}

/// Returns the marks of an axis: powers of two if it is logarithmic, else about five round steps.
fn steps(axis: &Axis, low: f64, high: f64) -> Vec<f64> {
    if axis.logarithmic {
        let (first, last) = (low.log2().ceil() as i32, high.log2().floor() as i32);
        return (first..=last).map(|power| f64::from(power).exp2()).collect();
    }
    let rough = high / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|&step| step >= rough);
    let step = step.unwrap_or(rough);
    (0..).map(|n| f64::from(n) * step).take_while(|&value| value <= high * 1.15).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_reach_the_end() {
        let linear = Axis { name: "", show: words::number, logarithmic: false };
        assert_eq!(steps(&linear, 3.0, 230.0), [0.0, 50.0, 100.0, 150.0, 200.0, 250.0]);
        let logarithmic = Axis { logarithmic: true, ..linear };
        assert_eq!(steps(&logarithmic, 60.0, 300.0), [64.0, 128.0, 256.0]);
    }
}
